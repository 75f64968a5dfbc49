// The verdict in sight: one colour, few large words, the goods, and what to look for where goods are stopped.

import { counted, el, productName, shownDay, shownTime, t } from "./page.js";
import { MODE_WORDS, unitWords } from "./units.js";

export function describe(panel, says) {
  panel.className = `told ${says.colour ?? ""}`;
  const { line } = says;
  panel.replaceChildren(
    el("p", { className: "words" }, said(says)),
    ...(line ? [el("p", { className: "what" }, productName(line.product, line.goods), " ", el("span", {}, goodsWords(line)))] : []),
    ...(line?.goods.gtin && !line.product?.name_zh ? [el("p", { className: "before" }, t("No name is known here for this number: compare it with the digits under the bars."))] : []),
    ...(says.with?.stopped ?? []).slice(0, 6).map((stop) => el("p", { className: "stop" }, stopWords(stop))),
    ...(says.with?.listed ? [el("p", { className: "before" }, t("By the stop list of {time}", { time: shownTime(says.with.listed) }))] : []),
    ...(says.before ? [el("p", { className: "before" }, t("The one before: {words}", { words: said(says.before) }))] : []),
  );
}

// What is told, in the reader's words.
function said({ words, with: facts }) {
  const filled = { ...facts };
  if (Object.hasOwn(MODE_WORDS, filled.mode)) filled.mode = t(MODE_WORDS[filled.mode]);
  if (filled.day) filled.day = shownDay(filled.day);
  // Why something is so, may be words of the catalogue themselves.
  if (filled.why?.with) filled.why = t(filled.why.message, filled.why.with);
  return Array.isArray(words) ? counted(...words, filled.n, filled) : t(words, filled);
}

export function goodsWords({ goods, lot = goods.lot, amount, unit, product }) {
  // What was scanned of a case's code are cases, however few packs that seems.
  const holds = unit === "piece" ? product?.holds ?? 1 : 1;
  const parts = [holds > 1 ? counted("{n} case of {holds} = {all}", "{n} cases of {holds} = {all}", amount, { holds, all: Number(amount) * holds }) : `${amount} ${t(unitWords(unit, amount))}`];
  if (lot) parts.push(t("lot {lot}", { lot }));
  if (goods.produced) parts.push(t("made on {day}", { day: shownDay(goods.produced) }));
  if (goods.expires) parts.push(t("good until {day}", { day: shownDay(goods.expires) }));
  return parts.join(" · ");
}

function stopWords({ name, kind, stop, grade, goods }) {
  const parts = [kind === "recall" ? t("recalled ({stop}, grade {grade})", { stop, grade }) : t("on hold ({stop})", { stop })];
  if (goods.lot) parts.push(t("lot {lot}", { lot: goods.lot }));
  const range = (first, last) => [...new Set([first, last].filter(Boolean).map(shownDay))].join(" – ");
  if (goods.produced_from || goods.produced_until) parts.push(t("made on {day}", { day: range(goods.produced_from, goods.produced_until) }));
  if (goods.expires_from || goods.expires_until) parts.push(t("good until {day}", { day: range(goods.expires_from, goods.expires_until) }));
  if (goods.supplier) parts.push(t("from {who}", { who: goods.supplier }));
  return `${name} ${parts.join(" · ")}`;
}
