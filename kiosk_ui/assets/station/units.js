// Units of quantity and modes of scanning, as programs name them and as people say them.

import { said } from "./marking.js";

export const UNITS = {
  piece: said("piece"), case: said("case"), bag: said("bag"), box: said("box"), bottle: said("bottle"),
  kg: said("kg"), g: said("g"), jin: said("jin"), l: said("l"),
};

export const MODE_WORDS = {
  receive: said("Goods in"), sell: said("Sale"), return: said("Return to supplier"), "take-back": said("Taken back"),
  dispose: said("Dispose"), use: said("Used up"), count: said("Count"),
};

// The same as they stand behind a quantity of several.
const SEVERAL = { piece: said("pieces"), case: said("cases"), bag: said("bags"), box: said("boxes"), bottle: said("bottles") };

// The unit of a quantity, as it is said; of an unknown one, the piece's.
export const unitWords = (unit, amount) => {
  const name = Object.hasOwn(UNITS, unit) ? unit : "piece";
  return Number(amount) !== 1 && Object.hasOwn(SEVERAL, name) ? SEVERAL[name] : UNITS[name];
};

// What a mode is for, where its name alone leaves a doubt.
export const MODE_HINTS = {
  receive: said("What came in from a supplier."), sell: said("What goes out, to a shopper or to a merchant."),
  return: said("What goes back to who supplied it."), "take-back": said("What a customer brings back."),
  dispose: said("What is thrown away or destroyed."), use: said("What is cooked, mixed or repacked here."),
  count: said("What is there now; type 0 where nothing is left."),
};
