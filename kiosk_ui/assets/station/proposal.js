// What another page leads here with: goods that end and what to do with them, or an entry that lacks something.

import { isId, isLot, isText } from "./bounds.js";
import { isDay } from "./dates.js";
import { UNITS } from "./units.js";

const AMOUNT = /^\d{1,6}(\.\d{1,3})?$/;

// A lot as stock names it: by its number, or by the date that its label bears. What names neither is told by its goods.
function lotOf(key) {
  const text = key.slice(2);
  if (key.startsWith("L:") && isLot(text)) return { lot: text };
  if (key.startsWith("D:") && isDay(text)) return { produced: text };
  if (key.startsWith("E:") && isDay(text)) return { expires: text };
  return {};
}

function goodsOf(product) {
  if (/^\d{14}$/.test(product)) return { gtin: product };
  const item = product.replace(/^item:/, "");
  return item !== product && isText(item) ? { item } : null;
}

// Returns { mode, goods, amount, unit }, or null where the address proposes nothing.
export function proposedIn(hash) {
  const said = new URLSearchParams(hash.slice(1));
  const [mode, product, lot, amount, unit] = ["do", "product", "lot", "amount", "unit"].map((name) => said.get(name) ?? "");
  const goods = goodsOf(product);
  if (!["dispose", "return"].includes(mode) || !goods) return null;
  return { mode, goods: { ...goods, ...lotOf(lot) }, amount: AMOUNT.test(amount) ? amount : "1", unit: Object.hasOwn(UNITS, unit) ? unit : "piece" };
}

// Returns { device, stream, number, what }, or null where the address names no entry.
export function entryIn(hash) {
  const said = new URLSearchParams(hash.slice(1));
  const [device, stream, number, what] = ["device", "stream", "entry", "lacks"].map((name) => said.get(name) ?? "");
  if (!isId(device) || !/^[0-9a-f-]{36}$/.test(stream) || !/^\d{1,9}$/.test(number) || !["date", "party"].includes(what)) return null;
  return { device, stream, number: Number(number), what };
}
