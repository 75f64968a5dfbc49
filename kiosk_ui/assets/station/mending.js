// Mending what was kept: taken back, or said anew: its date, lot, number, with whom it was; what was recorded stays.

import { streamOfTape } from "./bytes.js";
import { entriesFrom } from "./corrected.js";
import { said } from "./marking.js";
import { modeOf } from "./modes.js";
import { told } from "./told.js";

export const COUNTED = "stock-counted.v1";
const CAME = "goods-received.v1";

export const isDated = ({ lot, produced, expires }) => Boolean(lot || produced || expires);
const SOLD = "goods-sold.v1";
// What is asked of a line that was kept: unanswered, it stays as it was.
export const OF_A_LINE = ["later", "party", "many", "looked"];
// What comes in or is counted has a date; a scan that came too soon left it open.
export const lacksDate = ({ type, goods }) => [CAME, COUNTED].includes(type) && Boolean(goods.gtin) && !isDated(goods);
// What a hand said of a date, a hand may have said wrongly; a code says what it says.
export const mayBeWrong = ({ type, goods }) => [CAME, COUNTED].includes(type) && isDated(goods) && !["code", "sheet"].includes(goods.dates_from);
export const lacksParty = ({ type, counterparty, counterparty_card: card }) => type === CAME && !counterparty && !card;
// A code says its lot itself; of what a hand said, the lot on the label may be said, too.
export const mayNameLot = ({ goods }) => Boolean(goods.gtin) && !["code", "sheet"].includes(goods.dates_from);
// Goods with the lot that was typed while they were asked about; emptied, they name none.
export const withLot = ({ goods, lot }) => (lot === undefined ? goods : { ...goods, lot: lot || undefined });
// Whom somebody chose, they may have chosen wrongly.
export const hasParty = ({ type, counterparty }) => type === CAME && Boolean(counterparty);

const WHO = {
  receive: said("Who was it from? Choose the supplier above, then say so here."),
  sell: said("Who bought it? Choose the buyer above, then say so here."),
  "take-back": said("Who brought it back? Choose the buyer above, then say so here."),
  return: said("Whom did it go back to? Choose the supplier above, then say so here."),
};

export class Mending {
  constructor(session) {
    this.session = session;
  }

  // The entry as it was reported, and as every correction behind it has it now.
  async #entry(number) {
    const [first] = await entriesFrom(this.session.tape, number);
    return first?.number === number ? first : undefined;
  }

  // Takes a line back by a correcting event.
  async undo(number) {
    const { session } = this;
    // What is asked about it is asked no more: its answer would say the line anew.
    if (OF_A_LINE.includes(session.asking?.why) && session.asking.number === number) await session.forget();
    const { was, said: now } = await this.#entry(number);
    await session.tape.append(this.#correction(number, was, "undone at the station"));
    if (now.goods?.gtin) session.products.forget(now.goods.gtin, was.counterparty, now.goods);
    return { ...told("green", "Taken back; both stay on record."), line: this.lineOf(now) };
  }

  // Asks for the date of a line that was kept without one, or with a wrong one.
  async askDate(number) {
    return this.asks(number, (now) => {
      const line = this.lineOf({ ...now, goods: { ...now.goods, produced: undefined, expires: undefined } });
      const near = this.session.products.near(line, now.counterparty, this.session.today);
      // As it is now comes first: whoever changes the number alone keeps the date.
      const { produced, expires } = now.goods;
      const chips = produced || expires ? [{ produced, expires }, ...near.filter((one) => one.produced !== produced || one.expires !== expires)] : near;
      return [{ ...line, why: "later", number, was: now, chips }, told("ask", isDated(now.goods) ? "Which date is on it? What the line says is changed." : "Which date is on it?")];
    });
  }

  // Asks how many a line was of, whose date is not in doubt.
  async askAmount(number) {
    return this.asks(number, (now) => [{ ...this.lineOf(now), why: "many", number, was: now }, told("ask", "How many?")]);
  }

  // Asks with whom a line was, which named nobody. The mode of the next scan stays as it was.
  async askParty(number) {
    const { session } = this;
    return this.asks(number, async (now) => {
      const mode = modeOf(now);
      const back = { ...session.place };
      if (session.place.mode !== mode) await session.stand({ mode });
      return [{ ...this.lineOf(now), why: "party", number, was: now, back }, told("ask", WHO[mode])];
    });
  }

  // What a ledger leads here with, of an entry on some tape.
  async asked({ device, stream, number, what }) {
    const { tape } = this.session;
    if (stream !== (await streamOfTape(tape.id))) return told("amber", "This entry was made at {device}: open it there, or ask the office to correct it.", { device });
    const entry = await this.#entry(number);
    if (!entry?.said.goods) return told("amber", "This entry is not in this browser: ask the office to correct it.");
    return what === "party" ? this.askParty(number) : this.askDate(number);
  }

  // Opens a question about a line that was kept; `asking` gives the question and its words, or nothing.
  async asks(number, asking) {
    const { session } = this;
    if (session.asking?.why === "nobody") return told("amber", "Whose is it? Choose the stall first; the scan waits.");
    const before = await session.finish();
    const { said: now, isGone } = await this.#entry(number);
    if (isGone) return told("amber", "This line was taken back: nothing of it is open.");
    const asks = await asking(now);
    if (!asks) return told("green", "Nothing of this is stopped now.");
    const asked = await session.ask(...asks);
    return before ? { ...asked, before } : asked;
  }

  // The lot that was typed is the line's; its date stays.
  async sayLot() {
    const { asking } = this.session;
    if (asking?.lot === undefined) return told("amber", "Type the lot number first.");
    // Changed and changed back: there is nothing to say.
    if (asking.lot === (asking.was.goods.lot ?? "")) return this.session.forget();
    return this.sayAnew({ ...asking, goods: asking.was.goods, why: "many" });
  }

  // The line says its goods anew, with their date, their lot or how many they were.
  async sayAnew(line, from) {
    const { session } = this;
    const { amount, unit, was, number } = line;
    const goods = withLot(line);
    const isSame = line.why === "many";
    const reason = (goods.lot ?? "") !== (was.goods.lot ?? "") ? "lot number said at the station" : isSame ? "number changed at the station" : isDated(was.goods) ? "date changed at the station" : "date added at the station";
    const report = { ...this.#correction(number, was, reason), goods, quantity: { ...was.quantity, amount, unit } };
    await session.tape.appendWith((about) => about.delete("asking"), report);
    session.asking = null;
    if (isDated(was.goods) && !isSame) session.products.forget(goods.gtin, was.counterparty, was.goods);
    if (was.type !== SOLD && !isSame) session.products.remember(goods.gtin, was.counterparty, { produced: goods.produced, expires: goods.expires }, amount, from);
    const mode = modeOf(was);
    const { merchant, premises, counterparty } = was;
    const anew = { ...line, goods };
    const says = session.verdict([anew], { merchant, premises, counterparty, mode });
    return { ...says, ...(says.colour === "green" ? told("green", "Kept: the line is changed, and both stay on record.") : {}), line: anew };
  }

  // The line says with whom it was: who stands above.
  async sayParty() {
    const { session } = this;
    const { asking: { was, number, back, ...line }, place } = session;
    if (!place.counterparty) return told("amber", WHO[place.mode] ?? WHO.receive);
    const reason = was.counterparty ? "counterparty changed at the station" : "counterparty added at the station";
    const report = { ...this.#correction(number, was, reason), counterparty: place.counterparty };
    await session.tape.appendWith((about) => about.delete("asking"), report);
    session.asking = null;
    await session.goBack(back);
    return { ...told("green", "Kept: it was with {who}.", { who: place.counterpartyName ?? place.counterparty }), line };
  }

  #correction(number, { merchant, premises }, reason) {
    const { session } = this;
    return { type: "entry-corrected.v2", target_tape: session.tape.id, target_number: number, scope: "line", reason, ...session.common(), merchant, premises };
  }

  // A line as it stands, as the hand is shown it.
  lineOf({ goods, quantity }) {
    return { goods: goods ?? {}, amount: quantity?.amount ?? "", unit: quantity?.unit, product: this.session.products.rows.get(goods?.gtin) };
  }
}
