// Vouchers: a delivery's lines stand in the code itself, so that one scan receives them with nobody online.

import { base64urlBytes, hex, sha256, utf8 } from "./bytes.js";
import { isAmount, isDigest, isId, isLot, isPieces, isText, isYear, unfolded } from "./bounds.js";
import { isDay } from "./dates.js";
import { gtin as checkedGtin } from "./gs1.js";
import { unpackMessage } from "./msgpack.js";
import { UNITS } from "./units.js";

const PART = /^([0-9a-f]{8}):(\d{1,3})\/(\d{1,3}):([A-Za-z0-9_-]{1,900})$/;
const LINES_MAX = 2000;
// What a small code unfolds to is bounded, whoever made it.
const BYTES_MAX = 4 * 1024 * 1024;
const DOCUMENTS_MAX = 16;

export class BadVoucher extends Error {}

// Gathers the codes of one voucher, in any order; another voucher's code begins anew.
export class VoucherCodes {
  constructor() {
    this.name = "";
    this.parts = new Map();
  }

  // Returns { have, of } while codes are missing, then { voucher }.
  async add(text) {
    const found = PART.exec(text);
    if (!found || !(Number(found[2]) >= 1 && Number(found[2]) <= Number(found[3]))) {
      throw new BadVoucher("This is no voucher's code, or half of one: scan it again.");
    }
    const [, name, part, of, chunk] = found;
    if (`${name}/${of}` !== this.name) {
      this.name = `${name}/${of}`;
      this.parts = new Map();
    }
    this.parts.set(Number(part), chunk);
    if (this.parts.size < Number(of)) return { have: this.parts.size, of: Number(of) };
    const whole = Array.from({ length: Number(of) }, (_, n) => this.parts.get(n + 1)).join("");
    // Whole or wrong, the next code begins anew: the last of a voucher's codes decides once, not each of them.
    this.parts = new Map();
    if (hex(await sha256(utf8(whole))).slice(0, 8) !== name) {
      throw new BadVoucher("These codes do not belong together: scan all of them again.");
    }
    return { voucher: await unpacked(whole) };
  }
}

async function unpacked(whole) {
  try {
    const stream = new Blob([base64urlBytes(whole)]).stream().pipeThrough(new DecompressionStream("deflate"));
    const told = unpackMessage(await unfolded(stream, BYTES_MAX, () => new Error("too large")));
    const [seller, premises, delivery, day, lines, documents = [], buyer = null] = told;
    if (!lines.length || lines.length > LINES_MAX) throw new Error(`${lines.length}`);
    if (![seller, premises, ...(buyer === null ? [] : [buyer])].every(isId)) throw new Error("ids");
    if (!isText(delivery) || documents.length > DOCUMENTS_MAX || !documents.every(isDigest)) throw new Error("texts");
    const name = hex(await sha256(utf8([seller, premises, delivery, buyer].join("|")))).slice(0, 16);
    return { seller, premises, delivery, day, documents, buyer, name, lines: lines.map(lineOf) };
  } catch {
    throw new BadVoucher("This voucher cannot be read: ask for a new one.");
  }
}

// A line that no report could hold is found here, before anything is kept.
function lineOf([unit, amount, gtin, item, lot, produced, expires, pieces]) {
  const missing = (value) => value === null || value === undefined;
  const good = Object.hasOwn(UNITS, unit) && isAmount(amount) && missing(gtin) !== missing(item)
    && (missing(gtin) ? isText(item) : checkedGtin(gtin) === gtin)
    && (missing(lot) || isLot(lot))
    && [produced, expires].every((day) => missing(day) || (typeof day === "string" && isDay(day) && isYear(day)))
    && (missing(pieces) || isPieces(pieces));
  if (!good) throw new Error("a line that is none");
  const goods = { gtin, item, lot, produced, expires, dates_from: "code" };
  const stated = Object.fromEntries(Object.entries(goods).filter(([, value]) => value !== null && value !== undefined));
  return { goods: stated, amount: String(amount), unit, pieces: pieces ?? undefined };
}

export const sameLine = ({ goods, amount, unit }) => JSON.stringify([goods, amount, unit]);

// A number for a sale that has none: the day, and what no other sale of this minute bears.
export function newDelivery(day) {
  const random = crypto.getRandomValues(new Uint8Array(3));
  return `${day.slice(2).replaceAll("-", "")}-${hex(random)}`;
}
