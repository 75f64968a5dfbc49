// A merchant's own file as rows of texts: CSV in UTF-8 or GB 18030, tab-separated, or the first sheet of an Excel workbook.

import { unfolded } from "./bounds.js";

const FILE_BYTES_MAX = 20 * 1024 * 1024;
const UNPACKED_BYTES_MAX = 200 * 1024 * 1024;
export const ROWS_MAX = 20_000;
const COLUMNS_MAX = 200;
const CELL_MAX = 1000;
// Days of a workbook count from here; 1900 was no leap year, and Excel thinks so (ECMA-376, part 1, 18.17.4.1).
const EXCEL_DAY_ZERO = Date.UTC(1899, 11, 30);
const DAY_MS = 86_400_000;

export class BadTable extends Error {
  constructor(words, filled = {}) {
    super(words);
    this.with = filled;
  }
}

// Returns rows that say anything: { number, cells }.
export async function readTable(file) {
  if (file.size > FILE_BYTES_MAX) throw new BadTable("This file is larger than {n} MB: cut it into several.", { n: FILE_BYTES_MAX / 2 ** 20 });
  const bytes = new Uint8Array(await file.arrayBuffer());
  const rows = bytes[0] === 0x50 && bytes[1] === 0x4b ? await workbook(bytes) : separated(decoded(bytes));
  if (rows.length > ROWS_MAX) throw new BadTable("This file has more than {n} rows: cut it into several.", { n: ROWS_MAX });
  return rows.map((cells, n) => ({ number: n + 1, cells: cells.slice(0, COLUMNS_MAX).map((cell) => cell.trim().slice(0, CELL_MAX)) }))
    .filter(({ cells }) => cells.some(Boolean));
}

function decoded(bytes) {
  for (const encoding of ["utf-8", "gb18030"]) {
    try {
      return new TextDecoder(encoding, { fatal: true }).decode(bytes);
    } catch {
      // The next one.
    }
  }
  throw new BadTable("This file is neither text nor an Excel workbook (.xlsx).");
}

// RFC 4180, with whichever separator the first line uses most.
function separated(text) {
  const first = text.slice(0, text.search(/[\r\n]|$/));
  const separator = [",", "\t", ";"].reduce((best, one) => (first.split(one).length > first.split(best).length ? one : best));
  const rows = [[""]];
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const row = rows.at(-1);
    const char = text[at];
    if (quoted) {
      if (char !== '"') row[row.length - 1] += char;
      else if (text[at + 1] === '"') row[row.length - 1] += text[++at];
      else quoted = false;
    } else if (char === '"' && row.at(-1) === "") quoted = true;
    else if (char === separator) row.push("");
    else if (char === "\n") rows.push([""]);
    else if (char !== "\r") row[row.length - 1] += char;
  }
  return rows;
}

async function workbook(bytes) {
  const parts = entriesOf(bytes);
  const xml = async (name) => {
    const content = await unpacked(bytes, parts.get(name));
    return content && new DOMParser().parseFromString(new TextDecoder().decode(content), "application/xml");
  };
  const strings = [...((await xml("xl/sharedStrings.xml"))?.getElementsByTagName("si") ?? [])].map(textIn);
  const dated = datesAmong(await xml("xl/styles.xml"));
  const sheet = (await xml("xl/worksheets/sheet1.xml")) ?? (await xml([...parts.keys()].find((name) => name.startsWith("xl/worksheets/sheet"))));
  if (!sheet) throw new BadTable("This workbook has no sheet that can be read: save it anew as .xlsx, without a password.");
  return [...sheet.getElementsByTagName("row")].map((row) => cellsOf(row, strings, dated));
}

const textIn = (node) => [...node.getElementsByTagName("t")].map((one) => one.textContent).join("");

function cellsOf(row, strings, dated) {
  const cells = [];
  for (const cell of row.getElementsByTagName("c")) {
    const place = columnOf(cell.getAttribute("r") ?? "") ?? cells.length;
    if (place >= COLUMNS_MAX) continue;
    while (cells.length <= place) cells.push("");
    cells[place] = valueOf(cell, strings, dated);
  }
  return cells;
}

function columnOf(reference) {
  const letters = /^[A-Z]{1,3}/.exec(reference)?.[0];
  return letters && [...letters].reduce((sum, letter) => sum * 26 + letter.charCodeAt(0) - 64, 0) - 1;
}

function valueOf(cell, strings, dated) {
  const kind = cell.getAttribute("t");
  if (kind === "inlineStr") return textIn(cell);
  const value = cell.getElementsByTagName("v")[0]?.textContent ?? "";
  if (kind === "s") return strings[Number(value)] ?? "";
  if ((kind && kind !== "n") || value === "") return value;
  const number = Number(value);
  if (dated.has(Number(cell.getAttribute("s"))) && number > 0) return new Date(EXCEL_DAY_ZERO + Math.floor(number) * DAY_MS).toISOString().slice(0, 10);
  // 0.1 + 0.2 as Excel shows it.
  return Number.isFinite(number) ? String(Number(number.toPrecision(15))) : value;
}

// Which styles show a number as a day (18.8.30: 14 to 22 are dates, others by their format).
function datesAmong(styles) {
  const found = new Set();
  if (!styles) return found;
  const own = new Map([...styles.getElementsByTagName("numFmt")].map((one) => [one.getAttribute("numFmtId"), one.getAttribute("formatCode") ?? ""]));
  const formats = styles.getElementsByTagName("cellXfs")[0]?.getElementsByTagName("xf") ?? [];
  [...formats].forEach((format, n) => {
    const id = format.getAttribute("numFmtId");
    const plain = (own.get(id) ?? "").replace(/"[^"]*"|\[[^\]]*\]/g, "");
    if ((Number(id) >= 14 && Number(id) <= 22) || /[yd]/i.test(plain)) found.add(n);
  });
  return found;
}

// The files of a zip archive by name (APPNOTE.TXT, 4.3.12): where each lies and how it is packed.
function entriesOf(bytes) {
  const view = new DataView(bytes.buffer);
  let end = bytes.length - 22;
  while (end >= 0 && view.getUint32(end, true) !== 0x06054b50) end -= 1;
  if (end < 0) throw new BadTable("This workbook is cut off or no workbook at all.");
  const parts = new Map();
  let at = view.getUint32(end + 16, true);
  for (let left = view.getUint16(end + 10, true); left > 0 && view.getUint32(at, true) === 0x02014b50; left -= 1) {
    const [name, extra, comment] = [28, 30, 32].map((place) => view.getUint16(at + place, true));
    const title = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + name));
    parts.set(title, { flags: view.getUint16(at + 8, true), method: view.getUint16(at + 10, true), packed: view.getUint32(at + 20, true), size: view.getUint32(at + 24, true), at: view.getUint32(at + 42, true) });
    at += 46 + name + extra + comment;
  }
  return parts;
}

async function unpacked(bytes, part) {
  if (!part) return null;
  if (part.flags & 1 || ![0, 8].includes(part.method)) throw new BadTable("This workbook has no sheet that can be read: save it anew as .xlsx, without a password.");
  if (part.size > UNPACKED_BYTES_MAX) throw new BadTable("This file is larger than {n} MB: cut it into several.", { n: FILE_BYTES_MAX / 2 ** 20 });
  const view = new DataView(bytes.buffer);
  const begin = part.at + 30 + view.getUint16(part.at + 26, true) + view.getUint16(part.at + 28, true);
  const content = bytes.subarray(begin, begin + part.packed);
  if (part.method === 0) return content;
  const stream = new Blob([content]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  // What unpacks to more than it says is no workbook of anybody's.
  return unfolded(stream, UNPACKED_BYTES_MAX, () => new BadTable("This workbook is cut off or no workbook at all."));
}
