// The running list: what this browser reported lately, whether the ledger has it, and a way to take it back.

import { corrected } from "./corrected.js";
import { $, el, productName, t } from "./page.js";
import { said as marked } from "./marking.js";
import { goodsWords } from "./verdicts.js";

const SHOWN = 60;
const WORDS = {
  "goods-received.v1": marked("in"), "goods-sold.v1": marked("out"), "goods-returned.v1": marked("returned"), "goods-disposed.v2": marked("disposed of"),
  "goods-used.v1": marked("used up"), "stock-counted.v1": marked("counted"), "stop-met.v1": marked("refused"),
};

// What comes in or is counted is asked for its date; a scan that came too soon left it open.
const DATED = ["goods-received.v1", "stock-counted.v1"];

// A line with the goods that a correction says, confirmed once that is.
const asItIsNow = (row, by) => (by ? { ...row, receipt: row.receipt && by.receipt, said: { ...row.said, goods: by.said.goods, quantity: by.said.quantity } } : row);

export class Lines {
  constructor(tape, products, { undo, dateLater }) {
    Object.assign(this, { tape, products, undo, dateLater });
  }

  async show() {
    const first = this.tape.state.last - SHOWN;
    const rows = await this.tape.store.all("reports", IDBKeyRange.lowerBound(first, true));
    const read = rows.map((row) => ({ ...row, said: JSON.parse(new TextDecoder().decode(row.report)) }));
    const { gone, anew } = corrected(read);
    const shown = read.filter(({ said }) => said.type in WORDS).reverse();
    $("lines").replaceChildren(...shown.map((row) => this.#drawn(asItIsNow(row, anew.get(row.number)), gone.has(row.number))));
    $("no-lines").hidden = shown.length > 0;
  }

  // One line that cannot be drawn hides no other.
  #drawn(row, isGone) {
    try {
      return this.#line(row, isGone);
    } catch {
      return el("li", {}, t("line {n} cannot be shown", { n: row.number }));
    }
  }

  #line({ number, said, receipt }, isGone) {
    const { goods } = said;
    const product = this.products.rows.get(said.goods.gtin);
    const line = { goods: said.goods, amount: said.quantity?.amount ?? "", unit: said.quantity?.unit, product };
    const unread = receipt && receipt.code !== "recorded";
    const state = unread ? t("the ledger could NOT read it: tell the office") : receipt ? t("confirmed at {position}", { position: receipt.position }) : t("kept here");
    const back = el("button", { type: "button", className: "quiet", onclick: () => this.undo(number) }, t("Take back"));
    back.setAttribute("aria-label", t("Take back line {n}", { n: number }));
    const lacksDate = DATED.includes(said.type) && goods.gtin && !(goods.lot || goods.produced || goods.expires);
    const fill = el("button", { type: "button", className: "quiet", onclick: () => this.dateLater(number) }, t("Add the date"));
    fill.setAttribute("aria-label", t("Add the date of line {n}", { n: number }));
    const what = said.direction === "from-customer" ? t("back from a customer") : t(WORDS[said.type]);
    return el("li", { className: `${isGone ? "gone" : ""} ${unread ? "unread" : receipt ? "sure" : ""}` },
      el("span", { className: "sign", "aria-hidden": "true" }, unread ? "✕" : receipt ? "✓" : "…"),
      el("span", { className: "text" },
        el("b", {}, `${what} · ${productName(product, said.goods)}`),
        el("small", {}, `${said.quantity ? goodsWords(line) : ""} · `, ...(lacksDate ? [el("b", { className: "lacks" }, t("no date")), " · "] : []), state)),
      ...(isGone ? [el("span", {}, t("taken back"))] : [lacksDate ? fill : "", said.type === "stop-met.v1" ? "" : back]));
  }
}
