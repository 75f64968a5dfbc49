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
