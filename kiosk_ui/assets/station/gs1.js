// Understanding codes: routed by what the scanner says it read, never by trial (GS1 General Specifications).

import { isDay } from "./dates.js";

const SEPARATOR = "\x1d";
const ELEMENT_STRINGS = ["]C1", "]e0", "]e1", "]e2", "]d2", "]d8", "]Q3", "]J1"];
const RETAIL = ["]E0", "]E3", "]E4", "]X0"];
const ITF = ["]I0", "]I1"];
const LINKS = ["]Q0", "]Q1", "]d0", "]d1", "]Q2"];
export const LOT = /^[!"%&'()*+,\-./0-9:;<=>?A-Z_a-z]{1,20}$/;
const SWALLOWED = /(?:11|13|15|16|17)\d{6}$|(?:11|13|15|16|17)\d{6}(?=10|21|37|30)/;
const IN_STORE = new Set(["02", "04", ...Array.from({ length: 10 }, (_, n) => String(20 + n))]);
// Lengths of the identifiers that end by themselves (figure 7.8.5-2), and those food uses beside them.
const FIXED = { "00": 18, "01": 14, "02": 14, "11": 6, "12": 6, "13": 6, "15": 6, "16": 6, "17": 6, "20": 2 };
const VARIABLE = { "10": 20, "21": 20, "30": 8, "37": 8 };
// What it makes sense beside alone (4.14.2).
const BESIDE = { "02": ["37"], "37": ["02"], "10": ["01", "02"], "11": ["01", "02"], "13": ["01", "02"],
  "15": ["01", "02"], "16": ["01", "02"], "17": ["01", "02"], "21": ["01"] };

// A code that cannot be understood: words of the catalogue, and what fills them in.
export class NotUnderstood extends Error {
  constructor(words, filled = {}) {
    super(words);
    this.with = filled;
  }
}

const refuse = (words, filled) => {
  throw new NotUnderstood(words, filled);
};

// Tells what kind of code a line of a keyboard wedge can only be, which names no kind itself.
export function classified(text) {
  const named = /^(\][A-Za-z][0-9A-Za-z])(.*)$/s.exec(text);
  if (named) return { aim: named[1], raw: named[2] };
  const plain = text.trim();
  if (/^\d+$/.test(plain)) return { aim: { 8: "]E4", 12: "]E0", 13: "]E0", 14: "]I1" }[plain.length] ?? null, raw: plain };
  if (/^https?:\/\//i.test(plain)) return { aim: "]Q1", raw: plain };
  if (plain.startsWith("SY:")) return { aim: "]C0", raw: plain };
  return { aim: null, raw: plain };
}

export function understand(aim, raw) {
  if (RETAIL.includes(aim)) return retail(raw);
  if (ITF.includes(aim)) return raw.length === 14 ? { gtin: gtin(raw) } : refuse("an ITF code of goods has 14 digits, this one {n}", { n: raw.length });
  if (ELEMENT_STRINGS.includes(aim)) return meaning(elements(raw.replace(/^\x1d/, "")));
  if (LINKS.includes(aim) && /^https?:\/\//i.test(raw)) return link(raw);
  const sheet = /^SY:(D|C|V):(.{1,1000})$/s.exec(raw);
  if (sheet?.[1] === "D" && !isDay(sheet[2])) refuse("{text} is no day", { text: sheet[2].slice(0, 20) });
  if (sheet) return { D: { dateMarker: sheet[2] }, C: { command: sheet[2] }, V: { voucher: sheet[2] } }[sheet[1]];
  return refuse("a code of kind {aim} that is no GS1 code says nothing about goods", { aim });
}

export function gtin(digits) {
  if (!/^\d+$/.test(digits) || ![8, 12, 13, 14].includes(digits.length)) {
    refuse("a GTIN has 8, 12, 13 or 14 digits, not {text}", { text: digits });
  }
  const whole = digits.padStart(14, "0");
  const check = checkDigit(whole);
  if (check !== Number(whole[13])) refuse("the check digit of {text} should be {check}: scan it once more", { text: digits, check });
  return whole;
}

// Of fourteen digits, what the last one has to be (7.9).
export function checkDigit(whole) {
  let sum = 0;
  for (let n = 0; n < 13; n += 1) sum += Number(whole[n]) * (n % 2 ? 1 : 3);
  return (10 - (sum % 10)) % 10;
}

// YYMMDD; day 00 is the month's end (3.4.2).
export function gs1Date(text) {
  if (!/^\d{6}$/.test(text)) refuse("a date has six digits YYMMDD, not {text}", { text });
  const [year, month, day] = [2000 + Number(text.slice(0, 2)), Number(text.slice(2, 4)), Number(text.slice(4))];
  const at = new Date(Date.UTC(year, day ? month - 1 : month, day));
  if (month < 1 || month > 12 || (day && at.getUTCMonth() !== month - 1)) refuse("{text} is no day", { text });
  return at.toISOString().slice(0, 10);
}

function retail(text) {
  const [digits] = text.split(" ");
  const whole = gtin(digits);
  if ([12, 13].includes(digits.length) && IN_STORE.has(whole.slice(1, 3))) {
    refuse("prefix {prefix} is the shop's own: it names no product of trade", { prefix: whole.slice(1, 3) });
  }
  return { gtin: whole };
}

function elements(text) {
  const found = {};
  let rest = text;
  while (rest) {
    const ai = identifier(rest);
    const size = FIXED[ai] ?? (/^3[1-6]\d\d$/.test(ai) ? 6 : null);
    const value = size ? rest.slice(ai.length, ai.length + size) : rest.slice(ai.length).split(SEPARATOR)[0];
    if (size ? value.length < size : value.length > (VARIABLE[ai] ?? 90) || !value) refuse("AI {ai} has no such value: {value}", { ai, value });
    if (found[ai] !== undefined && found[ai] !== value) refuse("AI {ai} stands twice with different values", { ai });
    found[ai] = value;
    rest = rest.slice(ai.length + value.length).replace(/^\x1d/, "");
  }
  return found;
}

function identifier(text) {
  const size = [2, 3, 4].find((n) => known(text.slice(0, n)) && text.slice(0, n).length === n);
  return size ? text.slice(0, size) : refuse("no identifier begins with {text}", { text: text.slice(0, 4) });
}

const known = (ai) =>
  ai in FIXED || ai in VARIABLE || /^3[1-6]\d\d$/.test(ai) || /^(4[12]\d|24\d|25\d)$/.test(ai) || /^(7003|7007|723\d)$/.test(ai);

function meaning(found) {
  if (found["01"] && found["02"]) refuse("AI 01 and AI 02 exclude each other");
  for (const [ai, beside] of Object.entries(BESIDE)) {
    if (found[ai] && !beside.some((other) => found[other])) refuse("AI {ai} needs AI {beside} beside it", { ai, beside: beside.join(", ") });
  }
  const lot = found["10"];
  if (lot !== undefined) checkLot(lot);
  const day = (ai) => (found[ai] ? gs1Date(found[ai].slice(0, 6)) : undefined);
  const pieces = found["37"] ?? found["30"];
  if (pieces !== undefined && !(Number(pieces) > 0)) refuse("a count is a number above 0, not {text}", { text: pieces });
  return {
    gtin: found["01"] ? gtin(found["01"]) : found["02"] ? gtin(found["02"]) : undefined,
    lot, produced: day("11"), expires: day("17") ?? day("7003") ?? day("15") ?? day("16"),
    pieces: pieces === undefined ? undefined : Number(pieces), weightG: weight(found),
  };
}

// A lost separator lets a lot swallow the date behind it: nobody guesses, the person is asked.
function checkLot(lot) {
  if (!LOT.test(lot)) refuse("the lot {lot} has characters no lot can have", { lot });
  const swallowed = SWALLOWED.exec(lot);
  if (!swallowed || swallowed.index === 0) return;
  try {
    gs1Date(swallowed[0].slice(2, 8));
  } catch {
    return;
  }
  refuse("the lot {lot} ends like a date: a separator was lost; look at the label", { lot });
}

function weight(found) {
  const entry = Object.entries(found).find(([ai]) => /^310[0-5]$/.test(ai));
  if (entry && !/^\d{6}$/.test(entry[1])) refuse("AI {ai} has no such value: {value}", { ai: entry[0], value: entry[1] });
  return entry ? Number((Number(entry[1]) * 10 ** (3 - Number(entry[0][3]))).toFixed(3)) : undefined;
}

function link(raw) {
  let address, parts;
  try {
    address = new URL(raw);
    parts = address.pathname.split("/").filter(Boolean).map(decodeURIComponent);
  } catch {
    return refuse("an address that cannot be read");
  }
  const start = parts.indexOf("01");
  if (start < 0) refuse("an address that names no product (no /01/)");
  const pairs = parts.slice(start);
  if (pairs.length % 2) refuse("the last part of the address, {text}, has no value", { text: pairs.at(-1) });
  const found = {};
  for (let n = 0; n < pairs.length; n += 2) found[pairs[n]] = pairs[n + 1];
  for (const [name, value] of address.searchParams) if (/^\d{2,4}$/.test(name)) found[name] = value;
  return meaning(found);
}
