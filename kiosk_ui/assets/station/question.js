// The question sheet: the date by thumb, how many, two dates in one case, or whether the label is the stopped one.

import { typedDay } from "./dates.js";
import { $, counted, el, productName, shownDay, t } from "./page.js";
import { OF_A_LINE, mayNameLot } from "./mending.js";
import { DATE } from "./session.js";
import { told } from "./told.js";
import { MODE_WORDS, unitWords } from "./units.js";

// So many keys a hand may press as quickly as a scanner does.
const HAND_QUICK = 2;
const DEAF_MS = 600;
const TWICE_MS = 500;
// The first digit of a scan may come alone on a busy machine: an answer that lets goods go waits for what follows.
const ALONE_MS = 400;
// Why it is asked how many: of what was just scanned, or of a line that was kept.
const NUMBER = ["amount", "many"];
// Why somebody has to look at a label: before it goes out, or after.
const LOOKS = ["look", "looked"];
// What asks for a lot as well, if the label has one.
const LOTTED = [...DATE, "many"];

export class Question {
  constructor(session, run) {
    Object.assign(this, { session, run, digits: "", kind: null, amount: null });
    $("pad").addEventListener("click", ({ target }) => target.dataset.key && this.key(target.dataset.key));
    $("kind").addEventListener("click", () => this.#turn());
    $("confirm").addEventListener("click", () => run(() => session.confirm()));
    $("skip").addEventListener("click", () => run(() => session.skip()));
    $("forget").addEventListener("click", () => run(() => session.forget()));
    $("is-it").addEventListener("click", () => run(() => session.looking.say(true)));
    $("is-not").addEventListener("click", () => run(() => session.looking.say(false)));
    $("less").addEventListener("click", () => this.#count(-1));
    $("more").addEventListener("click", () => this.#count(1));
    $("half").addEventListener("click", () => this.#half());
    $("whole").addEventListener("click", () => run(() => session.whole()));
    $("turn-yes").addEventListener("click", () => run(() => session.meantSo(true)));
    $("turn-no").addEventListener("click", () => run(() => session.meantSo(false)));
    // What is being typed is what the button keeps.
    $("how-many").addEventListener("input", ({ target }) => NUMBER.includes(this.asking?.why) && target.value && this.#sayKeeps(target.value));
    $("how-many").addEventListener("change", (event) => this.#set(Number(event.target.value)));
    // What is typed there stands instead of what was there.
    $("how-many").addEventListener("focus", ({ target }) => target.select());
    $("how-many").addEventListener("keydown", (event) => event.key === "Enter" && event.target.blur());
    $("usual").addEventListener("click", () => this.#set(Number(this.asking.usual)));
    $("lot").addEventListener("change", ({ target }) => run(() => session.setLot(target.value)));
    $("lot").addEventListener("keydown", (event) => event.key === "Enter" && this.#lotEntered(event.target));
    $("lot").addEventListener("input", () => ($("keep-lot").hidden = !OF_A_LINE.includes(this.asking?.why)));
    $("keep-lot").addEventListener("click", () => run(() => session.mending.sayLot()));
  }

  get asking() {
    return this.session.asking;
  }

  show() {
    const { asking } = this;
    // Another amount of the same goods is no other question; how many instead of which date is.
    if (this.about !== asking?.goods || this.why !== asking?.why) {
      this.digits = "";
      this.kind = asking ? this.session.products.kind(asking.goods.gtin) : null;
      this.turned = false;
      this.about = asking?.goods;
      this.why = asking?.why;
    }
    $("forget").textContent = OF_A_LINE.includes(asking?.why) ? t("Leave the line as it is") : t("Not this: forget the scan");
    const confirms = ["confirm", "party", ...NUMBER].includes(asking?.why);
    const dates = DATE.includes(asking?.why);
    $("question").hidden = !dates && !confirms;
    $("look").hidden = !LOOKS.includes(asking?.why);
    this.#showLot(asking);
    $("turned").hidden = asking?.why !== "turn";
    if (asking?.why === "turn") this.#showTurn(asking);
    $("confirming").hidden = !confirms;
    $("dating").hidden = confirms;
    if (confirms) return this.#showToConfirm(asking);
    $("amount").hidden = false;
    if (!dates) return undefined;
    $("asked-of").textContent = productName(asking.product, asking.goods);
    $("how-many").value = asking.split ?? asking.amount;
    $("of-all").textContent = asking.split ? t("of {n}: the first date", { n: asking.amount }) : this.#cases(asking);
    $("usual").hidden = !asking.usual || String(asking.usual) === asking.amount || Boolean(asking.split);
    $("usual").textContent = t("{n} as last time", { n: asking.usual });
    $("half").hidden = asking.unit !== "piece" || asking.why === "later" || Boolean(asking.split);
    $("whole").hidden = !asking.split;
    $("skip").hidden = asking.why === "later";
    $("kind").textContent = this.kind === "produced" ? t("It says: made on ⇄") : t("It says: good until ⇄");
    $("digits").textContent = this.digits || t("MMDD, or YYMMDD");
    $("digits").className = this.digits ? "" : "hint";
    this.#showChips();
    return undefined;
  }

  // Those that stay are left alone: one that is being tapped would be gone under the finger.
  #showChips() {
    const chips = this.#chips();
    const shown = JSON.stringify(chips);
    if (shown === this.chips && $("chips").childElementCount === chips.length) return;
    this.chips = shown;
    $("chips").replaceChildren(...chips.map((dates) => this.#chip(dates)));
  }

  // Enter says the lot; of a line whose date is known, or not asked, that is all there was to say.
  #lotEntered(field) {
    field.blur();
    const { why, was } = this.asking ?? {};
    if (why === "many" || (why === "later" && (was.goods.produced || was.goods.expires))) this.run(() => this.asking?.lot !== undefined && this.session.mending.sayLot());
  }

  #showLot(asking) {
    $("lotting").hidden = !LOTTED.includes(asking?.why) || !mayNameLot(asking.was ?? asking);
    $("lot").value = asking?.lot ?? asking?.was?.goods?.lot ?? "";
    $("keep-lot").hidden = !OF_A_LINE.includes(asking?.why) || asking.lot === undefined;
  }

  // Whoever turned to the other kind of date means one of that kind.
  #chips() {
    return this.turned ? this.asking.chips.filter((dates) => dates[this.kind]) : this.asking.chips;
  }

  #showTurn({ was, product, goods }) {
    const now = t(MODE_WORDS[this.session.place.mode]);
    $("turn-words").textContent = t("The scan before: {mode}, too?", { mode: now });
    $("turn-of").textContent = productName(product, goods);
    $("turn-yes").textContent = t("1 · Yes: {mode}", { mode: now });
    $("turn-no").textContent = t("2 · No, it was {mode}", { mode: t(MODE_WORDS[was.mode]) });
  }

  #sayKeeps(amount) {
    $("confirm").textContent = t("Keep {n}", { n: amount });
  }

  #showToConfirm({ product, goods, amount, unit, mode, why }) {
    $("asked-of").textContent = productName(product, goods);
    $("how-many").value = amount;
    $("of-all").textContent = unit === "piece" ? this.#cases({ product, amount }) : t(unitWords(unit, amount));
    $("half").hidden = true;
    $("usual").hidden = true;
    $("whole").hidden = true;
    $("amount").hidden = why === "party";
    const { place } = this.session;
    if (NUMBER.includes(why)) return this.#sayKeeps(amount);
    if (why === "party") return void ($("confirm").textContent = place.counterparty ? t("It was with {who}", { who: place.counterpartyName ?? place.counterparty }) : t("Choose above who it was"));
    $("confirm").textContent = mode === "return" ? t("Yes, it goes back to the supplier") : t("Yes, it is disposed of");
  }

  #cases(asking) {
    const { product } = asking;
    return product?.holds > 1 ? counted("case of {holds}", "cases of {holds}", asking.amount, { holds: product.holds }) : "";
  }

  #chip(dates) {
    const day = dates.produced ?? dates.expires;
    const words = dates.produced ? t("made on {day}", { day: shownDay(day) }) : t("good until {day}", { day: shownDay(day) });
    // A finger that taps twice means one answer.
    const take = ({ timeStamp }) => {
      const isTwice = timeStamp - (this.tappedAt ?? -Infinity) < TWICE_MS;
      this.tappedAt = timeStamp;
      if (!isTwice) this.run(() => this.session.answer(dates, "same-as-last"));
    };
    return el("button", { type: "button", className: "chip-key", onclick: take }, words);
  }

  // Takes what was typed into the box of codes where it is the date that is asked for; tells whether it was.
  takeDate(text) {
    if (!DATE.includes(this.asking?.why) || !/^(\d{4}|\d{6})$/.test(text)) return false;
    this.digits = "";
    for (const digit of text) this.key(digit);
    return true;
  }

  // A key of the pad, or of a keyboard outside every field.
  key(key, isAlone = true, quick = 1) {
    const { asking } = this;
    // A stray digit of a scan that came in pieces answers nothing.
    clearTimeout(this.looking);
    const looks = (isYes) => this.session.looking.say(isYes);
    const answers = { look: looks, looked: looks, turn: (isYes) => this.session.meantSo(isYes) }[asking?.why];
    if (answers && isAlone && (key === "1" || key === "2")) {
      this.looking = setTimeout(() => this.asking === asking && this.run(() => answers(key === "1")), ALONE_MS);
    }
    // A piece of a scan that stuttered is no amount.
    if (NUMBER.includes(asking?.why)) return quick <= HAND_QUICK ? this.#counted(key) : undefined;
    if (!DATE.includes(asking?.why)) return undefined;
    if (key === "Backspace" || key === "back") this.digits = this.digits.slice(0, -1);
    else if (key === "Escape") this.digits = "";
    else if (key === "Enter" || key === "s") return this.#same();
    else if (key === "/" || key === "p") return this.#turn();
    else if (key === "+" || key === "-") return this.#count(key === "+" ? 1 : -1);
    // What a hand had begun to type when it was told no is no new date, until it pauses.
    else if (performance.now() < (this.deafUntil ?? 0)) return void (this.deafUntil = performance.now() + DEAF_MS);
    else if (/^\d$/.test(key)) this.digits += key;
    else return undefined;
    return this.#look();
  }

  // Digits are how many; Enter keeps it, and so does the next scan.
  #counted(key) {
    if (key === "Enter") return this.run(() => this.session.confirm());
    if (key === "+" || key === "-") return this.#count(key === "+" ? 1 : -1);
    if (key === "Backspace" || key === "back") this.digits = this.digits.slice(0, -1);
    else if (/^\d$/.test(key) || (key === "." && !this.digits.includes("."))) this.digits += key;
    else return undefined;
    return this.#set(this.digits === "" ? 1 : Number(this.digits));
  }

  #look() {
    const { day, wrong } = typedDay(this.digits, this.kind, this.session.today);
    if (day) {
      const dates = { [this.kind]: day };
      this.digits = "";
      return this.run(() => this.session.answer(dates, "keyed"));
    }
    if (wrong) {
      this.digits = "";
      this.deafUntil = performance.now() + DEAF_MS;
      return this.#says("red", "{digits} is no day: month and day, such as 0315.", { digits: wrong });
    }
    return this.show();
  }

  #same() {
    if (this.digits) return this.#says("amber", "{digits} is no whole date yet: month and day, such as 0315.", { digits: this.digits });
    const [last] = this.#chips();
    if (!last) return this.#says("amber", "No date of these goods is known yet: type it.");
    return this.run(() => this.session.answer(last, "same-as-last"));
  }

  // Says something of what is asked, which stays in sight.
  #says(colour, words, filled) {
    return this.run(async () => ({ ...told(colour, words, filled), line: this.asking }));
  }

  // Two dates are of two packs at least: how many there are in all comes first.
  #half() {
    const isMany = Number(this.asking.amount) * (this.asking.product?.single ? this.asking.product.holds ?? 1 : 1) >= 2;
    if (isMany) {
      return this.run(async () => {
        const { amount } = await this.session.opened();
        return this.session.split(Math.floor(Number(amount) / 2));
      });
    }
    $("how-many").focus();
    return this.#says("ask", "How many are in it in all? Then once more: two dates in it.");
  }

  #turn() {
    this.kind = this.kind === "produced" ? "expires" : "produced";
    this.turned = true;
    this.show();
  }

  // From what it is when its turn comes: two quick taps are two.
  #count(step) {
    this.digits = "";
    return this.run(() => this.#change(Number(this.asking?.split ?? this.asking?.amount) + step));
  }

  #set(amount) {
    return this.run(() => this.#change(amount));
  }

  #change(amount) {
    return this.asking?.split ? this.session.split(amount) : this.session.setAmount(amount);
  }
}
