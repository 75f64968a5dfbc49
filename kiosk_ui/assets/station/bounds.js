// What a report can hold: nothing is kept on the tape that the ledger could not read.

export const AMOUNT_MAX = 1_000_000;
// As long as the number of a lot may be, whoever states it.
export const LOT_MAX = 40;
const ID = /^[a-z0-9][a-z0-9-]{0,39}$/;
const DIGEST = /^[0-9a-f]{64}$/;
const TEXT = /^[^\p{Cc}]{1,60}$/u;

const fits = (text, form) => typeof text === "string" && form.test(text);
export const isId = (text) => fits(text, ID);
export const isDigest = (text) => fits(text, DIGEST);
export const isText = (text) => fits(text, TEXT);
export const isLot = (text) => isText(text) && text.length <= LOT_MAX;
// The years that a label can mean.
export const isYear = (day) => day >= "2000" && day < "2101";
export const isAmount = (text) => fits(text, /^\d{1,7}(\.\d{1,3})?$/) && Number(text) <= AMOUNT_MAX;
export const isPieces = (pieces) => Number.isInteger(pieces) && pieces >= 0 && pieces <= AMOUNT_MAX;

// Reads a stream to its end; what is longer than `most` bytes is refused with an error of the caller's making.
export async function unfolded(stream, most, tooLarge) {
  const reader = stream.getReader();
  const chunks = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return new Uint8Array(await new Blob(chunks).arrayBuffer());
    size += value.length;
    if (size > most) throw tooLarge();
    chunks.push(value);
  }
}
