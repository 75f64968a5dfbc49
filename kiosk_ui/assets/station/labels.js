// Labels in sheets: drawn in this browser, each kind of code read back before it is shown, so that none is printed in vain.

import { todayIn } from "./dates.js";
import { LOT, NotUnderstood, classified, gtin as checkedGtin, understand } from "./gs1.js";
import { $, counted, el, isChinese, shownDay, t } from "./page.js";
import { Wedge } from "./wedge.js";
import { codes, drawnCode } from "./zxing.js";

const KINDS = {
  qr: { format: "QRCode", options: "ecLevel=M", text: address, shape: "square" },
  "gs1-128": { format: "Code128", options: "gs1", text: elementStrings, shape: "line" },
  datamatrix: { format: "DataMatrix", options: "gs1", text: elementStrings, shape: "square" },
};
// How wide a code may be on each sheet, in millimetres, lying and square.
const ROOM_MM = { "a4-24": [58, 30], "a4-12": [92, 36], "a4-65": [34, 17], roll: [56, 36] };
const A_SHEET = { "a4-24": 24, "a4-12": 12, "a4-65": 65, roll: 1 };
// Below a quarter of a millimetre a bar is lost on an office printer (GS1 General Specifications, 5.12: 0.25 mm at least).
const MODULE_MM = 0.25;
// A printer's dots are some pixels wide; what cannot be read at this size cannot be read on paper.
const SCALE = 4;

const short = (day) => day.slice(2).replaceAll("-", "");

function address({ gtin, lot, produced, expires }) {
  const asked = new URLSearchParams({ ...(produced ? { 11: short(produced) } : {}), ...(expires ? { 17: short(expires) } : {}) });
  const path = `/01/${gtin}${lot ? `/10/${encodeURIComponent(lot)}` : ""}`;
  return `${$("label-form").dataset.base}${path}${asked.size ? `?${asked}` : ""}`;
}

// With square brackets around the identifiers: no lot may hold one (GS1 General Specifications, 7.11).
function elementStrings({ gtin, lot, produced, expires }) {
  return [`[01]${gtin}`, produced && `[11]${short(produced)}`, expires && `[17]${short(expires)}`, lot && `[10]${lot}`].filter(Boolean).join("");
}

function stated() {
  const value = (id) => $(id).value.trim();
  const goods = { gtin: checkedGtin(value("gtin")), lot: value("lot"), produced: value("produced"), expires: value("expires") };
  if (goods.lot && !LOT.test(goods.lot)) throw new NotUnderstood("a lot has 1 to 20 letters, digits or signs, without blanks: {text}", { text: goods.lot });
  if (goods.produced && goods.expires && goods.expires < goods.produced) throw new NotUnderstood("it cannot end before it was made");
  return goods;
}

// Draws a code and reads it back: what was meant must come out.
async function checked(kind, goods) {
  const { format, options, text } = KINDS[kind];
  const { writeBarcode, readBarcodes } = await codes();
  const { image, error } = await writeBarcode(text(goods), { format, options, scale: SCALE });
  if (error) throw new Error(error);
  const [read] = await readBarcodes(image, { tryHarder: true });
  const meaning = read?.isValid ? understand(read.symbologyIdentifier, new TextDecoder().decode(read.bytes)) : {};
  const same = ["gtin", "lot", "produced", "expires"].every((name) => (meaning[name] ?? "") === (goods[name] ?? ""));
  if (!same) throw new Error(t("this code cannot be read back as it was meant"));
  const drawn = await drawnCode(text(goods), format, options);
  const [lying, square] = ROOM_MM[$("sheet").value];
  const modules = Number(drawn.getAttribute("viewBox").split(" ")[2]);
  if ((KINDS[kind].shape === "line" ? lying : square) / modules < MODULE_MM) {
    throw new NotUnderstood("this code is too long for that label: take a wider sheet, or DataMatrix");
  }
  return drawn;
}

async function draw() {
  const kind = $("kind").value;
  const goods = stated();
  const drawn = await checked(kind, goods);
  const sheet = $("labels");
  sheet.className = `${$("sheet").value} ${KINDS[kind].shape}`;
  const count = Math.min(Number($("count").value), Number($("count").max));
  sheet.replaceChildren(...Array.from({ length: count }, () => label(drawn.cloneNode(true), goods)));
  $("print").hidden = false;
  const doubt = doubtOf(goods);
  say(doubt ? "warn" : "good", [counted("{n} label, read back and right.", "{n} labels, read back and right.", count), doubt].filter(Boolean).join(" "));
}

// Dates that a label hardly ought to bear: it is drawn, and said.
function doubtOf({ produced, expires }) {
  const today = todayIn();
  if (produced > today) return t("But it says that they are made after today.");
  return expires && expires < today ? t("But it ended on {day}: what is past its end is not sold.", { day: shownDay(expires) }) : "";
}

function say(tone, words) {
  $("label-said").className = ["say", tone, "noprint"].join(" ");
  $("label-said").textContent = words;
}

function label(drawn, { gtin, lot, produced, expires }) {
  const name = $("name").value.trim();
  const words = [
    name && el("b", {}, name), el("span", {}, gtin), lot && el("span", {}, t("lot {lot}", { lot })),
    produced && el("span", {}, t("made on {day}", { day: shownDay(produced) })), expires && el("span", {}, t("good until {day}", { day: shownDay(expires) })),
  ];
  drawn.setAttribute("aria-hidden", "true");
  return el("div", { className: "label" }, drawn, el("div", {}, ...words));
}

async function fillName() {
  if ($("name").value || !/^\d{8,14}$/.test($("gtin").value.trim())) return;
  try {
    const answer = await fetch(`/station/product/${$("gtin").value.trim().padStart(14, "0")}`);
    const { product } = await answer.json();
    if (product && !$("name").value) $("name").value = (isChinese ? product.name_zh : product.name_en ?? product.name_zh) ?? "";
  } catch {
    // Without a connection the name is typed.
  }
}

// A line of the stock leads here with what is to be labelled.
function fillFrom(hash) {
  const said = new URLSearchParams(hash.slice(1));
  for (const name of ["gtin", "lot", "produced", "expires", "count"]) if (said.get(name)) $(name).value = said.get(name);
  if (said.get("count")) $("count").dataset.said = "yes";
  if (location.hash) history.replaceState(null, "", location.pathname + location.search);
  fillName();
}

// What is scanned here is what is to be labelled.
new Wedge((text) => {
  try {
    const { aim, raw } = classified(text);
    const { gtin, lot, produced, expires } = aim === null ? {} : understand(aim, raw);
    if (!gtin) return say("bad", t("This is no code of goods: {text}", { text: raw.slice(0, 40) }));
    for (const [name, value] of Object.entries({ gtin, lot, produced, expires })) $(name).value = value ?? "";
    $("name").value = "";
    return fillName();
  } catch (error) {
    return say("bad", t("This code names no goods: {why}", { why: t(error.message, error.with) }));
  }
}, () => {}).listen();
$("gtin").addEventListener("change", fillName);
// One sheet of it, unless somebody said how many.
$("count").addEventListener("input", () => ($("count").dataset.said = "yes"));
$("sheet").addEventListener("change", ({ target }) => {
  if (!$("count").dataset.said) $("count").value = A_SHEET[target.value];
});
$("print").addEventListener("click", () => print());
$("label-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await draw();
  } catch (error) {
    $("labels").replaceChildren();
    $("print").hidden = true;
    say("bad", t("Not drawn: {why}", { why: t(error.message, error.with) }));
  }
});
fillFrom(location.hash);
