// The voucher of a sale: what this browser sold under a delivery's number, as codes that its buyer receives with one scan.

import { base64url, hex, sha256, utf8 } from "./bytes.js";
import { entriesFrom } from "./corrected.js";
import { packMessage } from "./msgpack.js";
import { $, counted, el, productName, shownDay, t } from "./page.js";
import { told } from "./told.js";
import { goodsWords } from "./verdicts.js";
import { drawnCode } from "./zxing.js";

// A code of so many characters is read off a screen in bad light; more go into further codes.
const PART_CHARS = 600;
const DOCUMENTS_MAX = 16;
const LINES_MAX = 2000;
// A tape is years long; a sale's number is of its day, and its goods came some weeks before.
const REPORTS_BACK = 20_000;

// Returns what stands of a sale, as it was corrected, without what was taken back, and the papers of its goods.
export async function soldUnder(tape, { merchant, counterparty, delivery }) {
  const entries = await entriesFrom(tape, Math.max(1, tape.state.last - REPORTS_BACK));
  const standing = entries.filter(({ isGone }) => !isGone).map(({ said }) => said).filter((said) => said.merchant === merchant);
  const lines = standing.filter((said) => said.type === "goods-sold.v1" && said.counterparty === counterparty && said.delivery === delivery);
  return { lines, documents: papersOf(lines, standing) };
}

// What came with goods goes on with them: the papers of a line's lot, or of its product where either names none.
function papersOf(lines, standing) {
  const came = standing.filter(({ type, documents }) => type === "goods-received.v1" && documents?.length);
  const isOf = ({ goods: sold }, { goods }) => sold.gtin === goods.gtin && sold.item === goods.item && (!sold.lot || !goods.lot || sold.lot === goods.lot);
  const found = lines.flatMap((line) => {
    const fitting = came.filter((one) => isOf(line, one));
    const exact = fitting.filter((one) => one.goods.lot && one.goods.lot === line.goods.lot);
    // Where no lot says which, the latest that came.
    return (exact.length ? exact : fitting.slice(-1)).flatMap(({ documents }) => documents);
  });
  return [...new Set(found)].slice(-DOCUMENTS_MAX);
}

export async function codesOf({ lines, documents }) {
  const [first] = lines;
  const told = [first.merchant, first.premises, first.delivery, first.business_date, lines.map(lineOf), documents, first.counterparty ?? null];
  const stream = new Blob([packMessage(told)]).stream().pipeThrough(new CompressionStream("deflate"));
  const text = base64url(new Uint8Array(await new Response(stream).arrayBuffer()));
  const name = hex(await sha256(utf8(text))).slice(0, 8);
  const parts = text.match(new RegExp(`.{1,${PART_CHARS}}`, "g"));
  return parts.map((part, n) => `SY:V:${name}:${n + 1}/${parts.length}:${part}`);
}

const lineOf = ({ goods, quantity }) => [
  quantity.unit, quantity.amount, goods.gtin ?? null, goods.item ?? null, goods.lot ?? null,
  goods.produced ?? null, goods.expires ?? null, quantity.pieces ?? null,
];

export class VoucherSheet {
  // `nameOf` says who a merchant at a place is.
  constructor(session, run, nameOf) {
    Object.assign(this, { session, run, nameOf });
    $("voucher").addEventListener("click", () => run(() => this.open()));
    $("voucher-print").addEventListener("click", () => print());
    // The sale is done: the next one may be anybody's.
    $("voucher-done").addEventListener("click", () => {
      $("voucher-sheet").close();
      run(async () => (await this.session.stand({ counterparty: undefined, counterpartyName: undefined })) ?? told("green", "The next sale is a shopper's, until you choose a buyer."));
    });
    $("voucher-close").addEventListener("click", () => $("voucher-sheet").close());
  }

  show() {
    const { mode, counterparty, delivery } = this.session.place;
    $("voucher").hidden = mode !== "sell" || !counterparty || !delivery;
  }

  async open() {
    const { place, tape, products } = this.session;
    const unanswered = await this.session.finish();
    const sale = await soldUnder(tape, place);
    const { lines } = sale;
    if (!lines.length) return told("amber", "Nothing is sold under {delivery} yet: scan what goes out, then show the voucher.", { delivery: place.delivery });
    if (lines.length > LINES_MAX) return told("amber", "A voucher holds {n} lines: begin another delivery number.", { n: LINES_MAX });
    const codes = await codesOf(sale);
    $("voucher-title").textContent = t("Voucher {delivery} for {who}", { delivery: place.delivery, who: place.counterpartyName ?? place.counterparty });
    const [{ business_date: day, premises }] = lines;
    const seller = this.nameOf(place.merchant, premises);
    $("voucher-about").textContent = [t("from {who}", { who: seller }), shownDay(day), counted("{n} line", "{n} lines", lines.length)].join(" · ");
    $("voucher-how").textContent = codes.length > 1 ? t("The buyer scans all {n} codes in goods in, and has the whole delivery.", { n: codes.length }) : t("The buyer scans this code in goods in, and has the whole delivery.");
    $("voucher-codes").replaceChildren(...await Promise.all(codes.map((code, n) => this.#code(code, n, codes.length))));
    $("voucher-lines").replaceChildren(...lines.map(({ goods, quantity }) => el("li", {},
      `${productName(products.rows.get(goods.gtin), goods)} · ${goodsWords({ goods, ...quantity, product: products.rows.get(goods.gtin) })}`)));
    $("voucher-sheet").showModal();
    return unanswered;
  }

  async #code(code, n, of) {
    const drawn = await drawnCode(code, "QRCode", "ecLevel=M");
    drawn.setAttribute("role", "img");
    drawn.setAttribute("aria-label", t("Code {n} of {of}", { n: n + 1, of }));
    const figure = el("figure", {}, drawn, of > 1 ? el("figcaption", {}, `${n + 1}/${of}`) : "");
    figure.dataset.code = code;
    return figure;
  }
}
