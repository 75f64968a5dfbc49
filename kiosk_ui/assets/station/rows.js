// Rows of a merchant's file as reports: which column is which, and days, numbers and units as people write them.

import { hex, sha256, utf8 } from "./bytes.js";
import { isDay } from "./dates.js";
import { isAmount, isLot, isPieces, isText, isYear } from "./bounds.js";
import { gtin as checkedGtin } from "./gs1.js";
import { TYPES } from "./modes.js";
import { BadTable } from "./table.js";

const HEADING_ROWS = 20;
const NUMBER = /^([0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?|\.[0-9]+)\s*(\D*)$/;
const DAY = /^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[ T].*)?$/;
const DIGITS_DAY = /^(\d{4})(\d{2})(\d{2})$/;
let told = null;

// The words that headings, kinds and units go by, which the importer at a terminal knows, too.
const words = async () => (told ??= await (await fetch(new URL("./columns.json", import.meta.url))).json());

const plain = (text) => text.trim().replace(/^[*:：]+|[*:：]+$/g, "").split(/[(（]/)[0].trim().toLowerCase();
const wrong = (text, filled) => {
  throw new BadTable(text, filled);
};

// Finds the row of headings: { columns: name → place, unmatched, unit, rows } with the rows below it.
export async function matched(rows) {
  const { columns: known } = await words();
  for (const [index, { cells }] of rows.slice(0, HEADING_ROWS).entries()) {
    const headings = cells.map(plain);
    const columns = {};
    for (const [name, names] of Object.entries(known)) {
      const place = names.map(plain).map((one) => headings.indexOf(one)).find((one) => one >= 0 && !Object.values(columns).includes(one));
      if (place !== undefined) columns[name] = place;
    }
    if ("quantity" in columns && ("gtin" in columns || "item" in columns)) {
      const taken = new Set(Object.values(columns));
      const heading = cells[columns.quantity];
      const unit = /[(（]([^)）]+)[)）]/.exec(heading)?.[1].trim() ?? (/重量|净重/.test(heading) ? "?" : "");
      return { columns, unit, headings: cells, unmatched: cells.filter((cell, n) => cell && !taken.has(n)), rows: rows.slice(index + 1) };
    }
  }
  const seen = rows.slice(0, 3).flatMap(({ cells }) => cells).filter(Boolean).join("、").slice(0, 120);
  return wrong("No row of headings names goods (条码 or 名称) and 数量. Seen: {seen}", { seen });
}

// Turns rows into { row, line, key } or { row, problem }; `place` says whose, `partner` finds a merchant by its name.
export async function understood(table, place, partner) {
  const { kinds, units, totals } = await words();
  const seen = new Map();
  const found = [];
  for (const row of table.rows) {
    const cells = Object.fromEntries(Object.entries(table.columns).map(([name, at]) => [name, row.cells[at] ?? ""]));
    try {
      const line = await lineOf(cells, { table, place, partner, kinds, units, totals });
      found.push({ row, line, key: await keyOf(row, table, place, cells, seen) });
    } catch (error) {
      found.push({ row, problem: error });
    }
  }
  return found;
}

// What a row is known by, so that the same file, or one that goes on where it ended, adds nothing twice.
async function keyOf(row, table, place, cells, seen) {
  const stated = table.headings.map((heading, n) => [heading, row.cells[n] ?? ""]).filter(([heading, cell]) => heading && cell).sort();
  // A row that has a number of its own is that row, on whichever day it comes again.
  if (cells.id) return hex(await sha256(utf8(JSON.stringify([place.merchant, place.premises, cells.kind || place.mode, cells.id]))));
  const said = JSON.stringify([place.merchant, place.premises, cells.kind || place.mode, cells.date || place.day, stated]);
  seen.set(said, (seen.get(said) ?? 0) + 1);
  return hex(await sha256(utf8(`${said}|${seen.get(said)}`)));
}

const named = (table, word) => Object.entries(table).find(([, names]) => names.includes(word))?.[0];

async function lineOf(cells, { table, place, partner, kinds, units, totals }) {
  const kind = cells.kind ? named(kinds, cells.kind.toLowerCase()) : place.mode;
  if (!kind) wrong("What kind of entry is {text}?", { text: cells.kind });
  const goods = goodsOf(cells, totals);
  const quantity = quantityOf(cells, table.unit, units);
  if (kind !== "count" && Number(quantity.amount) === 0) wrong("数量 0: nothing moved. Leave the row out, or count what is there.");
  const day = dayOf("日期", cells.date) ?? place.day;
  const counterparty = cells.counterparty ? await partner(cells.counterparty) : undefined;
  if (cells.counterparty && !counterparty) wrong("No merchant of the register is called {text}.", { text: cells.counterparty });
  const { delivery } = cells;
  if (delivery && !isText(delivery)) wrong("{what} {text}: at most {n} characters, on one line.", { what: "单号", text: delivery.slice(0, 20), n: 60 });
  const traded = ["receive", "sell", "return", "take-back"].includes(kind);
  const more = traded ? { counterparty, delivery: delivery || undefined } : kind === "dispose" ? { reason: "other" } : {};
  return { ...TYPES[kind], kind, goods, quantity, business_date: day, ...more };
}

function goodsOf(cells, totals) {
  const code = (cells.gtin ?? "").replaceAll(" ", "");
  const item = cells.item ?? "";
  if (!code && totals.includes(item)) wrong("A line of totals is no goods, and is left out.");
  if (!code && !item) wrong("Neither 条码 nor 名称: say what it is.");
  const lot = cells.lot || undefined;
  if (lot && !isLot(lot)) wrong("{what} {text}: at most {n} characters, on one line.", { what: "批号", text: lot.slice(0, 20), n: 40 });
  if (!code && !isText(item)) wrong("{what} {text}: at most {n} characters, on one line.", { what: "名称", text: item.slice(0, 20), n: 60 });
  const produced = dayOf("生产日期", cells.produced);
  const expires = dayOf("保质期至", cells.expires);
  const dated = lot || produced || expires;
  const what = code ? { gtin: checkedGtin(code) } : { item };
  return { ...what, lot, produced, expires, dates_from: dated ? "keyed" : undefined };
}

function quantityOf(cells, ofHeading, units) {
  const found = NUMBER.exec((cells.quantity ?? "").trim());
  if (!found) wrong("数量 {text} is no number.", { text: (cells.quantity ?? "").slice(0, 20) });
  const word = (cells.unit || found[2] || ofHeading || "piece").trim().toLowerCase();
  if (word === "?") wrong("A weight needs its unit: add a column 单位, or call it 重量(千克).");
  const unit = named(units, word);
  if (!unit) wrong("单位 {text}: say 件, 箱, 袋, 盒, 瓶, 千克, 克, 斤 or 升.", { text: word });
  const amount = found[1].replaceAll(",", "");
  const [whole, part = ""] = amount.split(".");
  const exact = `${Number(whole || "0")}${part ? `.${part}` : ""}`;
  if (!isAmount(exact)) wrong("数量 {text} is no number.", { text: amount });
  const pieces = cells.pieces ? Number(cells.pieces) : undefined;
  if (pieces !== undefined && !isPieces(pieces)) wrong("{what} {text} is no whole number.", { what: "件数", text: cells.pieces.slice(0, 20) });
  return { amount: exact, unit, pieces };
}

function dayOf(what, text) {
  if (!text) return undefined;
  const [, year, month, day] = DAY.exec(text) ?? DIGITS_DAY.exec(text) ?? [];
  const found = year && `${year}-${month.padStart(2, "0")}-${day.padStart(2, "0")}`;
  if (!found || !isDay(found) || !isYear(found)) wrong("{what} {text}: write a day as 2026-11-22.", { what, text: text.slice(0, 20) });
  return found;
}
