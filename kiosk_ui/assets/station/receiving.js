// Receiving by voucher: every line of a delivery that is not here yet is kept in one stroke, as received.

import { entriesFrom } from "./corrected.js";
import { told } from "./told.js";
import { VoucherCodes, sameLine } from "./vouchers.js";

export class VoucherReceipt {
  constructor(session) {
    Object.assign(this, { session, codes: new VoucherCodes() });
  }

  // Takes a voucher's code; with the last one its lines are kept.
  async take(text) {
    const { place } = this.session;
    if (place.mode !== "receive") return told("red", "Not kept: this voucher is of goods to receive. Choose goods in.");
    if (!place.merchant) return told("amber", "Whose is it? Choose the stall first, then scan the voucher.");
    const { voucher, have, of } = await this.codes.add(text);
    if (!voucher) return told("ask", "Voucher: {have} of {of} codes, scan the others.", { have, of });
    if (voucher.seller === place.merchant && voucher.premises === place.premises) return told("red", "Not kept: this voucher is your own; its buyer scans it.");
    if (voucher.buyer && voucher.buyer !== place.merchant) return told("red", "Not kept: this voucher is for {who}.", { who: voucher.buyer });
    return this.#keep(voucher);
  }

  async #keep(voucher) {
    const { tape, place, stops } = this.session;
    const known = (await tape.store.get("about", `voucher:${voucher.name}`)) ?? [];
    const { fresh, left } = missingFrom(voucher.lines, await this.#standing(known));
    const { seller, delivery, documents } = voucher;
    const missing = { n: fresh.length, delivery, who: seller, gone: left };
    if (!fresh.length && left) return told("amber", "{delivery} of {who} now lacks {gone} lines that were received before: take back below what did not come.", missing);
    if (!fresh.length) return told("amber", "{delivery} of {who} was received already: nothing is kept twice.", { delivery, who: seller });
    const there = { ...place, counterparty: seller, delivery };
    const reports = fresh.map((line) => ({ ...this.session.report(line, there), ...(documents.length ? { documents } : {}) }));
    const first = tape.state.last + 1;
    const noted = [...known, ...fresh.map((line, n) => ({ number: first + n, line: sameLine(line) }))];
    const numbers = await tape.appendWith((about) => about.put(noted, `voucher:${voucher.name}`), ...reports);
    const stopped = fresh.map((line) => stops.meets(line.goods, there)).find(Boolean);
    if (stopped) return { ...told("red", ["{n} line received, and it is STOPPED: set it aside.", "{n} lines received, and among them what is STOPPED: set it aside."], { n: fresh.length, stopped: stopped.lines }), numbers };
    if (left) return { ...told("amber", ["{n} line received of {delivery} from {who}; {gone} received before are on it no more: take back below what did not come.", "{n} lines received of {delivery} from {who}; {gone} received before are on it no more: take back below what did not come."], missing), numbers };
    return { ...told("green", ["{n} line received of {delivery} from {who}.", "{n} lines received of {delivery} from {who}."], { n: fresh.length, delivery, who: seller }), numbers };
  }

  // Which lines of this voucher were received before, and not taken back on this tape since.
  async #standing(known) {
    if (!known.length) return [];
    const entries = await entriesFrom(this.session.tape, Math.min(...known.map(({ number }) => number)));
    const gone = new Set(entries.filter(({ isGone }) => isGone).map(({ number }) => number));
    return known.filter(({ number }) => !gone.has(number)).map(({ line }) => line);
  }
}

// Those lines of a voucher that do not stand yet, and how many stand that it does not name: two that are alike are two.
function missingFrom(lines, standing) {
  const left = [...standing];
  const fresh = lines.filter((line) => {
    const at = left.indexOf(sameLine(line));
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
  return { fresh, left: left.length };
}
