// Dates that are hardly right: what a hand typed of them is asked once more.

import { addDays } from "./dates.js";

// The last good day of a line, as its label or the register's shelf life tells.
export function endOf({ goods, product }) {
  const life = product?.shelf_life_days;
  return goods.expires ?? (goods.produced && life ? addDays(goods.produced, life) : null);
}

// What there is to doubt of a line as { words, with }, or null.
export function doubtOf(line, mode, today) {
  const { goods, product } = line;
  const life = product?.shelf_life_days;
  const end = endOf(line);
  // What comes in past its end is rare, and a day of last year is one key away.
  if (mode === "receive" && end && end < today) return { words: "That ended on {day}. Does the label say so? Type the same again, or the right day.", with: { day: end } };
  const isFar = life && goods.expires && !goods.produced && goods.expires > addDays(today, life);
  return isFar ? { words: "That is longer than its {n} days. Is it the day it was made? Turn ⇄, or type the same again.", with: { n: life } } : null;
}
