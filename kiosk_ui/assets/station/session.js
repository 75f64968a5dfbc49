// A scan session: what the next scan means, what is asked, and what the hand is told at once.
//
// Each answer is what the hand is told (told.js), and what it concerns.

import { base64, utf8 } from "./bytes.js";
import { LOT_MAX, isLot, isText } from "./bounds.js";
import { NotUnderstood, classified, understand } from "./gs1.js";
import { todayIn } from "./dates.js";
import { doubtOf, endOf } from "./doubts.js";
import { Looking } from "./looking.js";
import { COUNTED, Mending, OF_A_LINE, isDated, withLot } from "./mending.js";
import { VoucherReceipt } from "./receiving.js";
import { MODES, TYPES } from "./modes.js";
import { told } from "./told.js";
import { BadVoucher, newDelivery } from "./vouchers.js";

const TRADED = ["receive", "sell", "return", "take-back"];
const SIDE = { receive: "supplier", return: "supplier", sell: "buyer", "take-back": "buyer" };
const ASKED = ["receive", "count"];
// Why a date is asked: of what was just scanned, or of a line that was kept without one.
export const DATE = ["date", "later"];
// What waits for its date or its number is meant anew where the mode is turned, if the hand says so.
const WAITING = ["date", "amount", "turn"];
// A hand that types a date into the wrong box shall hear of it.
const AMOUNT_MAX = 99_999;

const HOW_MANY = /^[1-9]\d{0,3}$/;
// An element string (GS1 General Specifications, 3) of a scanner that leaves its symbology identifier out.
const NAMELESS = /^01\d{14}\d/;
// No code is as short, and no hand means as many.
const TOO_MANY = /^[1-9]\d{4,6}$/;


export class Session {
  constructor(tape, stops, products, papers) {
    Object.assign(this, { tape, stops, products, papers, id: crypto.randomUUID(), times: 1 });
    this.vouchers = new VoucherReceipt(this);
    this.mending = new Mending(this);
    this.looking = new Looking(this);
  }

  // What was open when the page died is open again.
  async begin() {
    this.place = (await this.tape.store.get("about", "place")) ?? { mode: "receive" };
    this.asking = (await this.tape.store.get("about", "asking")) ?? null;
    await this.looking.begin();
    return this;
  }

  get today() {
    return this.place.day ?? todayIn();
  }

  // An open question is of the scan before: another supplier or number is told of it, too; whether another mode is
  // meant of it, too, is asked; another stall ends it.
  async stand(changes) {
    const isOther = "mode" in changes && changes.mode !== this.place.mode;
    // Whether it is the stopped one is answered before anything else: who turned away from it sold it unlooked at.
    if (isOther && this.asking?.why === "look") return { ...this.asking.told, line: this.asking };
    const turns = isOther && WAITING.includes(this.asking?.why);
    const { asking, place: was } = this;
    // How many were meant of what this one would have scanned.
    if ("mode" in changes || "merchant" in changes) this.times = 1;
    // How many went to this buyer: another one was not meant.
    const another = this.asking?.why === "amount" && "counterparty" in changes && changes.counterparty !== this.place.counterparty;
    const goesOn = !another && (turns || !("mode" in changes || "merchant" in changes));
    const unanswered = goesOn ? null : await this.finish();
    this.refused = null;
    const place = { ...this.place, ...changes };
    // Who supplies is not who buys: another way of the goods asks for another partner.
    const turned = changes.mode && SIDE[changes.mode] !== SIDE[this.place.mode];
    if (turned) this.#turn(place);
    // A number that was typed before it was known whose it is, is of whom is named next.
    if ("merchant" in changes || ("counterparty" in changes && this.place.counterparty)) delete place.delivery;
    if ("delivery" in changes || !place.delivery) delete place.numbered;
    // Neither whom one stall trades with nor which day it enters is another's.
    if ("merchant" in changes) for (const name of ["counterparty", "counterpartyName", "supplier", "day", "reason"]) delete place[name];
    // A sale to somebody has a number from its first line on: its voucher names it.
    if (place.mode === "sell" && place.counterparty && !place.delivery) Object.assign(place, { delivery: newDelivery(this.today), numbered: this.today });
    await this.tape.store.put("about", { ...place, day: undefined }, "place");
    this.place = place;
    if (turns) return this.#turned(asking, asking.was ?? was);
    if (this.asking?.why === "nobody" && place.merchant) return this.#again(this.asking);
    return unanswered;
  }

  // The mode was turned while a scan waited: back to how it was scanned goes on as before.
  async #turned(asking, was) {
    const line = { ...asking, chips: undefined, split: null, was: undefined };
    if (was.mode === this.place.mode) {
      // With whom it was, too.
      await this.goBack(was);
      return this.#again(line);
    }
    return this.ask({ ...line, why: "turn", was }, told("ask", "The scan before: {mode}, too?", { mode: this.place.mode }));
  }

  // Lets stand again what stood before a question turned it.
  async goBack(place) {
    if (!place) return;
    await this.tape.store.put("about", { ...place, day: undefined }, "place");
    this.place = place;
  }

  // Says whether what waits is what the mode now says, or was what it said when it was scanned.
  async meantSo(isSo) {
    if (this.asking?.why !== "turn") return undefined;
    const { was, ...line } = this.asking;
    if (isSo) return this.#again(line);
    const goods = isDated(line.goods) ? line.goods : { ...line.goods, dates_from: "skipped" };
    return this.#keep([{ ...line, goods }], null, was);
  }

  // A supplier comes back with the way of the goods; a buyer is chosen anew: the next one may be a shopper.
  #turn(place) {
    const { counterparty, counterpartyName, delivery } = place;
    if (SIDE[this.place.mode] === "supplier") place.supplier = { counterparty, counterpartyName, delivery };
    for (const name of ["counterparty", "counterpartyName", "delivery"]) delete place[name];
    if (SIDE[place.mode] === "supplier") Object.assign(place, place.supplier);
  }

  // A short number that somebody types is no code: it is how many the next scan counts for, or of what is asked.
  async typed(text) {
    if (TOO_MANY.test(text)) return told("red", "How many? A number from 1 to {n}.", { n: 9999 });
    if (!HOW_MANY.test(text)) return this.scanned(text);
    if (["date", "later", "amount", "many", "confirm"].includes(this.asking?.why)) return this.setAmount(Number(text));
    if (this.asking) return told("amber", "Answer the open question first.");
    this.times = Number(text);
    return told("ask", "{n} of it: now scan the goods.", { n: text });
  }

  // `field` names the field that the scan came into.
  async scanned(text, field) {
    const { aim, raw } = classified(text);
    this.refused = null;
    try {
      // A number of our own making is of its day.
      if (this.place.numbered && this.place.numbered !== this.today) await this.stand({ delivery: undefined });
      if (aim === null && field === "delivery" && !isText(raw)) return told("red", "This is no number of a delivery: {text}", { text: raw.replace(/\W/g, " ").slice(0, 40) });
      if (aim === null && field === "delivery") return (await this.stand({ delivery: raw })) ?? told("green", "The delivery's number: {n}", { n: raw });
      if (aim === null && field === "lot" && this.asking) return await this.setLot(raw);
      if (aim === null && NAMELESS.test(raw)) return told("red", "The scanner does not say what kind of code this is: set it to send AIM identifiers, or read it with the camera.");
      if (aim === null) return told("red", "This is no code of goods: {text}", { text: raw.slice(0, 40) });
      return await this.#meant(understand(aim, raw), aim, raw);
    } catch (error) {
      if (error instanceof BadVoucher) return told("red", error.message);
      if (error instanceof NotUnderstood) return told("red", "This code names no goods: {why}", { why: error });
      return told("red", "NOT kept: {why}", { why: error.message });
    }
  }

  async #meant(meaning, aim, raw) {
    if (meaning.command && MODES.includes(meaning.command)) return (await this.stand({ mode: meaning.command })) ?? told("green", "From now on: {mode}", { mode: meaning.command });
    if (meaning.dateMarker) return this.answer({ expires: meaning.dateMarker }, "sheet");
    if (meaning.voucher) return this.vouchers.take(meaning.voucher);
    if (!meaning.gtin) return told("red", "This is no code of goods: {text}", { text: raw.slice(0, 40) });
    // The same pack again, while it is asked about: one more of it.
    if (["date", "amount"].includes(this.asking?.why) && !this.asking.split && this.asking.goods.raw === base64(utf8(raw))) return this.setAmount(Number(this.asking.amount) + this.#amountOf(meaning));
    // What a list proposed stands on the left: another scan is not meant so, and must not look as if it were.
    if (this.asking?.why === "confirm") return { ...told("red", "Say first whether this is done, or forget it: the scan was NOT taken."), line: this.asking };
    const before = await this.finish();
    const now = await this.#goods(meaning, aim, raw);
    return before && now.colour !== "red" ? { ...now, before } : now;
  }

  // What one scan counts for: what its code says, as often as somebody typed before it.
  #amountOf(meaning) {
    const { times } = this;
    this.times = 1;
    return (meaning.weightG ?? meaning.pieces ?? 1) * times;
  }

  async #goods(meaning, aim, raw) {
    const { gtin, lot, produced, expires } = meaning;
    const goods = { gtin, lot, produced, expires, raw: base64(utf8(raw)), aim, dates_from: isDated(meaning) ? "code" : undefined };
    const known = await this.products.known(gtin);
    const said = this.times > 1;
    const line = { goods, said, amount: String(this.#amountOf(meaning)), unit: meaning.weightG ? "g" : "piece", product: known };
    // One waits, and no more: a second would take its place.
    if (!this.place.merchant && this.asking?.why === "nobody") return { ...told("red", "NOT taken: choose the stall first; the scan before this one still waits."), line: this.asking };
    if (!this.place.merchant) return this.ask({ ...line, why: "nobody" }, told("amber", "Whose is it? Choose the stall first; the scan waits."));
    return this.#again(line);
  }

  // Takes goods as they were scanned, for who stands there now.
  async #again(line) {
    if (["sell", "use"].includes(this.place.mode)) {
      const stopped = this.stops.meets(line.goods, this.place);
      if (stopped?.how === "stopped") return this.looking.refuse(line, stopped, "refused");
      if (stopped) return this.ask({ ...line, why: "look", stopped }, told("amber", "LOOK at the label: is it one of these?", { stopped: stopped.lines }));
    }
    if (!isDated(line.goods) && ASKED.includes(this.place.mode)) {
      return this.ask({ ...line, why: "date", chips: this.products.near(line, this.place.counterparty, this.today), usual: this.products.usual(line.product, this.place) }, told("ask", "Which date is on it?"));
    }
    return this.counted(line);
  }

  // To a merchant, or back from one, goes more than one piece: as many as the hand says, or the next scan ends it.
  // What was weighed says itself how much it is.
  counted(line) {
    const many = !line.said && this.place.counterparty && TRADED.includes(this.place.mode) && this.place.mode !== "receive" && line.unit === "piece";
    return many ? this.ask({ ...line, why: "amount" }, told("ask", "How many?")) : this.#keep([line]);
  }

  // Persisted before the hand hears of it: a scan that waits for an answer is a scan, and a page that begins anew
  // says again what it asks.
  async ask(line, says) {
    const { colour, words, with: facts } = says.words ? says : line.told ?? {};
    const asking = { ...line, told: { colour, words, with: facts } };
    await this.tape.store.put("about", asking, "asking");
    this.asking = asking;
    return { ...asking.told, ...says, line: asking };
  }

  // Answers the date question: `dates` has produced or expires, or neither where it is skipped.
  async answer(dates, from = "keyed") {
    const asking = this.asking;
    if (!DATE.includes(asking?.why)) return told("red", "Scan the goods first, then the date.");
    const goods = { ...withLot(asking), ...dates, dates_from: from === "skipped" && asking.lot ? "keyed" : from };
    const line = { ...asking, goods };
    const doubt = from === "keyed" ? doubtOf(line, this.place.mode, this.today) : null;
    const said = JSON.stringify(dates);
    if (doubt && asking.doubted !== said) return this.ask({ ...asking, doubted: said }, told("amber", doubt.words, doubt.with));
    if (asking.split) return this.#keepPart(line);
    if (asking.why === "later") return this.mending.sayAnew(line, from);
    if (from !== "skipped") this.products.remember(goods.gtin, this.place.counterparty, dates, asking.amount, from);
    return this.#keep([line]);
  }

  // Of several dates in one case: keeps so many with this one, and asks on about the rest.
  async #keepPart(line) {
    const rest = { ...this.asking, amount: String(Math.round((Number(this.asking.amount) - this.asking.split) * 1000) / 1000), split: null, lot: undefined };
    const part = { ...line, amount: String(this.asking.split) };
    const says = await this.#keep([part], rest);
    return { ...says, colour: "ask", words: "And the date of the other {n}?", with: { n: rest.amount }, line: rest };
  }

  // What a list proposes: goods that end, to be disposed of or sent back once somebody says so.
  async propose({ mode, goods, amount, unit }) {
    if (this.asking) return told("amber", "Answer the open question first.");
    if (!this.place.merchant) return told("amber", "Whose is it? Choose the stall first.");
    const product = goods.gtin ? await this.products.known(goods.gtin) : undefined;
    const line = { goods, amount, unit, product, mode, why: "confirm" };
    const { counterparty, counterpartyName } = this.supplier();
    if (mode === "dispose") return this.ask(line, told("amber", "Dispose of it?"));
    const words = counterparty ? "Send it back to {who}?" : "Send it back to the supplier?";
    return this.ask(line, told("amber", words, { who: counterpartyName ?? counterparty }));
  }

  // What was proposed, or counted, is done for who stands there now; the mode of the next scan stays as it was.
  async confirm() {
    // A second tap on the same button.
    if (!this.asking) return undefined;
    if (!this.place.merchant) return told("amber", "Whose is it? Choose the stall first.");
    const { mode, why } = this.asking;
    if (why === "many") return this.mending.sayAnew(this.asking);
    if (why === "party") return this.mending.sayParty();
    // What a list proposed goes back under no delivery that stands here, and to nobody who buys.
    const proposed = mode && { ...this.place, ...this.supplier(), delivery: undefined, mode };
    return this.#keep([this.asking], null, proposed ?? this.place);
  }

  // Who supplies, also while something goes out.
  supplier() {
    const { counterparty, counterpartyName } = SIDE[this.place.mode] === "supplier" ? this.place : this.place.supplier ?? {};
    return { counterparty, counterpartyName };
  }

  async setAmount(amount) {
    if (!this.asking) return undefined;
    const exact = Math.round(amount * 1000) / 1000;
    // Nothing left is a count, too.
    const { why, was } = this.asking;
    const isCount = why === "many" ? was.type === COUNTED : this.place.mode === "count" && why !== "confirm";
    if (!((exact > 0 || (exact === 0 && isCount)) && exact <= AMOUNT_MAX)) return told("red", "How many? A number from 1 to {n}.", { n: AMOUNT_MAX });
    const says = why === "confirm" ? {} : told("ask", ["amount", "many"].includes(why) ? "How many?" : "Which date is on it?");
    return this.ask({ ...this.asking, amount: String(exact), split: null }, says);
  }

  // The number of the lot on its label; what is asked besides stays asked.
  async setLot(text) {
    const { asking } = this;
    const lot = text.trim();
    if (!asking || lot === (asking.lot ?? asking.was?.goods.lot ?? "")) return undefined;
    if (lot && !isLot(lot)) return { ...told("red", "{what} {text}: at most {n} characters, on one line.", { what: "批号", text: lot.slice(0, 20), n: LOT_MAX }), line: asking };
    return this.ask({ ...asking, lot }, {});
  }

  // There is one date in it after all.
  async whole() {
    if (!this.asking?.split) return undefined;
    return this.ask({ ...this.asking, split: null }, told("ask", "Which date is on it?"));
  }

  // What was scanned of cases is asked as what they hold: two dates are of packs, not of cases.
  async opened() {
    const { asking } = this;
    const { holds, single } = asking.product ?? {};
    if (asking.unit !== "piece" || !(holds > 1) || !single || asking.goods.gtin === single) return this.asking;
    const { raw, aim, ...goods } = asking.goods;
    await this.ask({ ...asking, goods: { ...goods, gtin: single }, product: { ...asking.product, holds: 1 }, amount: String(Number(asking.amount) * holds) }, {});
    return this.asking;
  }

  // The case holds two dates: the next one counts for this many.
  async split(amount) {
    if (!this.asking || !(amount > 0 && amount < Number(this.asking.amount))) return;
    await this.ask({ ...this.asking, split: Math.round(amount * 1000) / 1000 }, {});
  }

  async skip() {
    const says = await this.answer({}, "skipped");
    return says.colour === "red" ? says : { ...says, colour: "amber", words: "Kept without a date." };
  }

  // Ends an open question without its answer; null where none was open.
  async finish() {
    if (!this.asking || this.asking.why === "nobody") return null;
    // Nothing was scanned: what a list proposed and nobody confirmed did not happen.
    // But a lot that somebody typed is said.
    if (OF_A_LINE.includes(this.asking.why) && this.asking.lot !== undefined) return this.mending.sayLot();
    if (["confirm", ...OF_A_LINE].includes(this.asking.why)) return this.forget().then(() => null);
    if (this.asking.why === "amount") return this.confirm();
    if (this.asking.why === "turn") return this.meantSo(false);
    if (this.asking.why === "look") {
      const line = this.asking;
      return this.#keep([line]).then((says) => ({ ...says, colour: "amber", words: "Kept; nobody looked at its label." }));
    }
    return this.skip();
  }

  async forget() {
    await this.tape.store.write(["about"], (table) => table("about").delete("asking"));
    const { why, back } = this.asking ?? {};
    this.asking = null;
    await this.goBack(back);
    return told("green", OF_A_LINE.includes(why) ? "The line stays as it was." : "The question is forgotten; nothing was kept.");
  }

  async #keep(lines, asking = null, place = this.place) {
    if (!place.merchant) return told("amber", "Whose is it? Choose the stall first.");
    const reports = lines.map((line) => this.report(line, place));
    const besides = (about) => (asking ? about.put(asking, "asking") : about.delete("asking"));
    const numbers = await this.tape.appendWith(besides, ...reports);
    this.asking = asking;
    return { ...this.verdict(lines, place), numbers, line: lines.at(-1) };
  }

  // What is said of lines that were kept.
  verdict(lines, place) {
    // Of what somebody looked at and said that it is none of them, nothing is open.
    const stopped = lines.filter(({ looked }) => !looked).map((line) => this.stops.meets(line.goods, place)).find(Boolean);
    const out = ["dispose", "return"].includes(place.mode);
    if (stopped && !out) {
      const sure = stopped.how === "stopped";
      return told(sure ? "red" : "amber", sure ? "Kept, but it is STOPPED: set it aside, do not sell it." : "Kept. LOOK at the label: it may be stopped.", { stopped: stopped.lines });
    }
    const ended = lines.find((line) => endOf(line) && endOf(line) < this.today);
    if (ended && place.mode === "sell") return told("red", "Do not sell it: it ended on {day}. The scan is kept.", { day: endOf(ended) });
    if (ended && !out) return told("amber", "Kept, but it ended on {day}.", { day: endOf(ended) });
    // In which mode, too: one that was left on by mistake is seen at the first scan.
    return told("green", "Kept: {mode}.", { mode: place.mode });
  }

  // A line as it is reported of who stands there.
  report({ goods, amount, unit, pieces }, place = this.place) {
    const { mode, counterparty, delivery, reason } = place;
    const more = TRADED.includes(mode) ? { counterparty, delivery } : mode === "dispose" ? { reason: reason ?? "expired" } : {};
    const documents = mode === "receive" ? this.papers.of(counterparty, this.today, goods) : [];
    const papers = documents.length ? { documents } : {};
    return { ...TYPES[mode], goods, quantity: { amount, unit, pieces }, ...more, ...papers, ...this.common() };
  }

  // What every report says: for whom, where, on which day, in which session.
  common() {
    const { merchant, premises } = this.place;
    return { merchant, premises, business_date: this.today, session: this.id };
  }
}
