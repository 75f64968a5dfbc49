// What a list proposes to do with goods that end: an address that leads here, read into goods and how many of them.

import { isLot, isText } from "./bounds.js";
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
