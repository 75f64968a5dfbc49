// The running list: what this browser reported lately, whether the ledger has it, and a way to take it back.

import { entriesFrom } from "./corrected.js";
import { $, el, productName, t } from "./page.js";
import { said as marked } from "./marking.js";
import { hasParty, lacksDate, lacksParty, mayBeWrong, mayNameLot } from "./mending.js";
import { goodsWords } from "./verdicts.js";

const SHOWN = 60;
const WORDS = {
  "goods-received.v1": marked("in"), "goods-sold.v1": marked("out"), "goods-returned.v1": marked("returned"), "goods-disposed.v2": marked("disposed of"),
  "goods-used.v1": marked("used up"), "stock-counted.v1": marked("counted"), "stop-met.v1": marked("refused"),
};

// Right before the sale somebody said of these goods that they are none of the stopped ones, or that they went out all the same.
const wasLookedAt = (before, { goods }) =>
  before?.said.type === "stop-met.v1" && before.said.goods.gtin === goods.gtin && ["it-is-not", "sold-anyway"].includes(before.said.outcome);

export class Lines {
  // `acts` are what a hand can do about a line; `looking` knows what somebody answered for later.
  constructor(tape, products, stops, acts, looking) {
    Object.assign(this, { tape, products, stops, acts, looking });
  }

  async show() {
    const entries = await entriesFrom(this.tape, this.tape.state.last - SHOWN + 1);
    this.partners = (await this.tape.store.get("about", "partners")) ?? [];
    for (const [index, one] of entries.entries()) one.unlooked = one.said.type === "goods-sold.v1" && this.#mayBeStopped(one.said) && !this.#wasLookedAt(entries[index - 1], one);
    const shown = entries.filter(({ said }) => said.type in WORDS).reverse();
    $("lines").replaceChildren(...shown.map((entry) => this.#drawn(entry)));
    $("no-lines").hidden = shown.length > 0;
  }

  // Right before it, which was no answer for another line, or later.
  #wasLookedAt(before, { number, said }) {
    return this.looking.wasLater(number) || (!this.looking.isLater(before?.number) && wasLookedAt(before, said));
  }

  // Goods that say no lot, of which some are stopped.
  #mayBeStopped({ goods, merchant, premises }) {
    return this.stops.meets(goods, { merchant, premises, mode: "sell" })?.how === "possible";
  }

  // One line that cannot be drawn hides no other.
  #drawn(entry) {
    try {
      return this.#line(entry);
    } catch {
      return el("li", {}, t("line {n} cannot be shown", { n: entry.number }));
    }
  }

  #line({ number, said, receipt, isGone, unlooked }) {
    const product = this.products.rows.get(said.goods.gtin);
    const line = { goods: said.goods, amount: said.quantity?.amount ?? "", unit: said.quantity?.unit, product };
    const unread = receipt && receipt.code !== "recorded";
    const state = unread ? t("the ledger could NOT read it: tell the office") : receipt ? t("confirmed, entry {position}", { position: receipt.position }) : t("kept here");
    const what = said.direction === "from-customer" ? t("back from a customer") : t(WORDS[said.type]);
    return el("li", { className: `${isGone ? "gone" : ""} ${unread ? "unread" : receipt ? "sure" : ""}` },
      el("span", { className: "sign", "aria-hidden": "true" }, unread ? "✕" : receipt ? "✓" : "…"),
      el("span", { className: "text" },
        el("b", {}, `${what} · ${productName(product, said.goods)}`),
        el("small", {}, said.quantity ? `${goodsWords(line)} · ` : "", hasParty(said) ? `${t("from {who}", { who: this.#called(said.counterparty) })} · ` : said.type === "goods-sold.v1" && said.counterparty ? `${t("to {who}", { who: this.#called(said.counterparty) })} · ` : "", ...(unlooked ? [el("b", { className: "lacks" }, t("nobody looked at its label")), " · "] : []), ...(lacksDate(said) ? [el("b", { className: "lacks" }, t("no date")), " · "] : []), state)),
      isGone ? el("span", {}, t("taken back")) : el("span", { className: "acts" }, ...this.#acts(number, said, unlooked)));
  }

  // A partner as people call it, as far as this browser knows the name.
  #called(merchant) {
    return this.partners.find((one) => one.merchant === merchant)?.name ?? merchant;
  }

  // What a hand can do about a line.
  #acts(number, said, unlooked) {
    const act = (words, label, work) => el("button", { type: "button", className: "quiet", "aria-label": t(label, { n: number }), onclick: () => work(number) }, t(words));
    const { undo, askDate, askAmount, askParty, askLook } = this.acts;
    const isAmountAlone = said.quantity && !lacksDate(said) && !mayBeWrong(said);
    return [
      unlooked ? act("Look now", "Look at the label of line {n} now", askLook) : "",
      lacksDate(said) ? act("Add date or lot", "Add date or lot of line {n}", askDate) : "",
      mayBeWrong(said) ? act("Change date, lot or number", "Change date, lot or number of line {n}", askDate) : "",
      isAmountAlone && mayNameLot(said) ? act("Change number or lot", "Change number or lot of line {n}", askAmount) : "",
      isAmountAlone && !mayNameLot(said) ? act("Change how many", "Change how many of line {n}", askAmount) : "",
      lacksParty(said) ? act("From whom?", "Say from whom line {n} was", askParty) : "",
      hasParty(said) ? act("From whom: change", "Change from whom line {n} was", askParty) : "",
      said.type === "stop-met.v1" ? "" : act("Take back", "Take back line {n}", undo),
    ];
  }
}
