// A merchant's file onto this browser's tape: shown first as it is understood, then kept row by row, each but once.

import { $, el, productName, t } from "./page.js";
import { matched, understood } from "./rows.js";
import { told } from "./told.js";
import { readTable } from "./table.js";
import { MODE_WORDS } from "./units.js";
import { goodsWords } from "./verdicts.js";

const PREVIEW = 8;
const PROBLEMS = 30;
// Rows of one stroke: on the disk together.
const STROKE = 200;

export class Importer {
  constructor(session, run, partner) {
    Object.assign(this, { session, run, partner, found: null });
    $("import-file").addEventListener("change", ({ target }) => {
      const [file] = target.files;
      target.value = "";
      if (file) run(() => this.#read(file));
    });
    $("import-keep").addEventListener("click", () => run(() => this.#keep()));
    $("import-forget").addEventListener("click", () => this.#show(null));
  }

  async #read(file) {
    const { place } = this.session;
    this.#show(null);
    if (!place.merchant) return told("amber", "Whose is it? Choose the stall first.");
    try {
      const table = await matched(await readTable(file));
      // Whose and what they are is settled now: whoever stands there later does not change it.
      const whose = { ...place, day: this.session.today };
      const rows = await understood(table, whose, this.#partners());
      this.#show({ file: file.name, table, whose, rows: await this.#unknown(rows) });
      return told("ask", "Look at the rows below, then keep them.");
    } catch (error) {
      return told("red", "Not read: {why}", { why: error });
    }
  }

  // Each name is looked up but once.
  #partners() {
    const known = new Map();
    return async (text) => {
      if (!known.has(text)) known.set(text, (await this.partner(text))?.merchant);
      return known.get(text);
    };
  }

  // Marks what this tape has from an earlier file.
  async #unknown(rows) {
    const { store } = this.session.tape;
    return Promise.all(rows.map(async (one) => (one.key && (await store.get("about", `row:${one.key}`)) ? { ...one, known: true } : one)));
  }

  #show(found) {
    this.found = found;
    $("import-shown").hidden = !found;
    if (!found) return;
    const { table, rows, file, whose } = found;
    const fresh = rows.filter(({ line, known }) => line && !known);
    const wrong = rows.filter(({ problem }) => problem);
    $("import-counts").textContent = t("{file}: {n} rows to keep as {mode}, {known} kept before, {wrong} not understood.", {
      file, n: fresh.length, mode: t(MODE_WORDS[whose.mode]), known: rows.filter(({ known }) => known).length, wrong: wrong.length,
    });
    $("import-unmatched").textContent = table.unmatched.length ? t("Columns that say nothing here: {names}", { names: table.unmatched.join("、") }) : "";
    $("import-rows").replaceChildren(...fresh.slice(0, PREVIEW).map((one) => el("li", {}, this.#words(one.line))));
    $("import-problems").replaceChildren(...wrong.slice(0, PROBLEMS).map(({ row, problem }) =>
      el("li", {}, t("Row {n}: {why}", { n: row.number, why: t(problem.message, problem.with) }))));
    $("import-keep").hidden = !fresh.length;
    $("import-keep").textContent = t("Keep {n}", { n: fresh.length });
  }

  #words({ kind, goods, quantity, business_date: day, counterparty, delivery }) {
    const product = this.session.products.rows.get(goods.gtin);
    const more = [counterparty && t("from {who}", { who: counterparty }), delivery].filter(Boolean);
    return [day, t(MODE_WORDS[kind]), productName(product, goods), goodsWords({ goods, ...quantity }), ...more].join(" · ");
  }

  // Keeps what is new: the rows of a stroke and that they are kept, in one write.
  async #keep() {
    // A second tap on the same button.
    if (!this.found) return undefined;
    const { whose } = this.found;
    // What an earlier try kept, before the disk was full, is not kept again.
    const rows = await this.#unknown(this.found.rows);
    const fresh = rows.filter(({ line, known }) => line && !known);
    const common = { merchant: whose.merchant, premises: whose.premises, session: crypto.randomUUID() };
    for (let begin = 0; begin < fresh.length; begin += STROKE) {
      const stroke = fresh.slice(begin, begin + STROKE);
      const reports = stroke.map(({ line: { kind: _, ...line } }) => ({ ...line, ...common }));
      const note = (about) => stroke.forEach(({ key }) => about.put(true, `row:${key}`));
      await this.session.tape.appendWith(note, ...reports);
    }
    this.#show(null);
    return told("green", ["{n} row kept; the same file again adds nothing.", "{n} rows kept; the same file again adds nothing."], { n: fresh.length });
  }
}
