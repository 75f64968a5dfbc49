// The keyboard wedge: tells a scanner's burst from a hand's typing, whatever has the focus or composes.
//
// A scanner presses keys of the plain layout, faster than any hand. What is read is the keys (`code`),
// so that neither an input method, which swallows their characters, nor CapsLock changes a scan.

import { checkDigit } from "./gs1.js";

const GAP_MS = 40;
// How scans end here is remembered: nobody's first scan on a page is torn apart by a machine that is busy opening it.
const ENDS = "suyuan-wedge-ends";
// Without an Enter a scan ends by silence: soon after digits that are a whole number, later after others.
const WHOLE = /^(\d{8}|\d{12,14})$/;
const END_MS = 120;
const LONGER_MS = 240;
// A busy machine holds keys back for longer; nobody waits in vain where an Enter is sure to come, or a hand cannot be.
const HELD_MS = 700;
const LONG = 40;
const SCAN_MIN = 6;
const ALONE_MS = 600;
// A slow or stuttering scanner: pieces that make up a whole code before its Enter, and that no hand types.
const PIECED = /^(\d{12,14}|https?:\/\/\S{10,}|\][A-Za-z]\d\S{8,}|SY:\S{8,})$/;
const isPieced = (text) => PIECED.test(text) && !(/^\d+$/.test(text) && checkDigit(text.padStart(14, "0")) !== Number(text.at(-1)));

const PLAIN = {
  Minus: "-_", Equal: "=+", BracketLeft: "[{", BracketRight: "]}", Backslash: "\\|", Semicolon: ";:",
  Quote: "'\"", Backquote: "`~", Comma: ",<", Period: ".>", Slash: "/?", Space: "  ",
};
const SHIFTED_DIGITS = ")!@#$%^&*(";

export function characterOf(event) {
  const { code, shiftKey, ctrlKey } = event;
  // Ctrl+] is how wedges type the group separator.
  if (ctrlKey) return code === "BracketRight" ? "\x1d" : null;
  if (/^Digit\d$/.test(code)) return shiftKey ? SHIFTED_DIGITS[code[5]] : code[5];
  if (/^Numpad\d$/.test(code)) return code[6];
  if (/^Key[A-Z]$/.test(code)) return shiftKey ? code[3] : code[3].toLowerCase();
  return PLAIN[code]?.[shiftKey ? 1 : 0] ?? null;
}

// A browser may keep nothing for us.
function kept(work) {
  try {
    return work();
  } catch {
    return null;
  }
}

const inField = (at) => Boolean(at && /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName));

export class Wedge {
  // `scanned` gets a whole scan; `typed` a key that a hand pressed outside every field, whether it
  // stands alone, and how many came as quick as it.
  constructor(scanned, typed) {
    this.scanned = scanned;
    this.typed = typed;
    this.byHandAt = -Infinity;
    this.endsByKey = kept(() => localStorage.getItem(ENDS)) !== "silence";
    this.pieces = "";
    this.head = null;
    this.forget();
  }

  listen(target = window) {
    target.addEventListener("keydown", (event) => this.pressed(event), { capture: true });
  }

  forget() {
    this.text = "";
    this.keys = [];
    this.field = null;
    this.given = 0;
    this.last = 0;
  }

  pressed(event) {
    if (event.altKey || event.metaKey) return;
    const now = event.timeStamp;
    const isEnd = event.code === "Enter" || event.code === "NumpadEnter" || event.code === "Tab";
    if (now - this.last > GAP_MS) {
      if (this.keys.length) this.#byHand();
      this.head = null;
    }
    this.last = now;
    if (isEnd) {
      if (this.text.length < SCAN_MIN) return this.#endByHand(event);
      event.preventDefault();
      event.stopPropagation();
      this.#endsBy("key");
      return this.#whole();
    }
    const character = characterOf(event);
    if (character === null) {
      const isEditing = ["Backspace", "Escape"].includes(event.code) && !inField(document.activeElement);
      if (isEditing) this.typed(event.code, true);
      return undefined;
    }
    if (!this.keys.length) this.#begin();
    this.text += character;
    this.keys.push(event.key === "Process" ? character : event.key);
    if (this.text.length >= 3 || !this.field) {
      event.preventDefault();
      event.stopPropagation();
    }
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#silent(), this.#patience());
    return undefined;
  }

  #silent() {
    if (this.text.length < SCAN_MIN) return this.#held();
    this.#endsBy("silence");
    return this.#whole();
  }

  #endsBy(how) {
    if (this.endsByKey === (how === "key")) return;
    this.endsByKey = how === "key";
    kept(() => localStorage.setItem(ENDS, how));
  }

  // Silence ended what began: where the machine only held the rest back, the times of its keys will say so.
  #held() {
    const { text, field, before, last } = this;
    this.#byHand();
    this.head = { text, field, before };
    this.last = last;
  }

  #patience() {
    if (this.text.length < SCAN_MIN) return END_MS;
    if (this.endsByKey || this.text.length > LONG) return HELD_MS;
    return WHOLE.test(this.text) ? END_MS : LONGER_MS;
  }

  // Where a burst begins inside a field, the field gets back what it held before.
  #begin() {
    const at = document.activeElement;
    this.field = inField(at) ? at : null;
    this.before = this.field?.value;
    if (!this.head) return;
    Object.assign(this, this.head);
    this.given = this.text.length;
    // What was told as keys of a hand was none.
    if (!this.field) for (let n = 0; n < this.given; n += 1) this.typed("Backspace", true);
    this.pieces = "";
    this.head = null;
  }

  #whole() {
    clearTimeout(this.timer);
    const { text, field, before } = this;
    this.forget();
    if (field) this.#giveBack(field, before);
    // A busy machine may have held the head back from the rest.
    const isLate = performance.now() - this.byHandAt > ALONE_MS;
    const joined = this.pieces + text;
    this.pieces = "";
    this.scanned(!isLate && !isPieced(text) && isPieced(joined) ? joined : text, field?.id);
  }

  // What the field held before is what somebody typed there: it counts, and the burst does not.
  #giveBack(field, before) {
    field.value = before;
    field.blur();
    field.dispatchEvent(new Event("change", { bubbles: true }));
    // An input method hands over what it held when the field is left: after that.
    setTimeout(() => {
      field.value = before;
    }, 0);
  }

  #byHand() {
    clearTimeout(this.timer);
    const { keys, field } = this;
    const had = Math.max(0, 2 - this.given);
    this.forget();
    if (field) {
      // Three quick keys of a fast hand: the field has the first two, and gets the rest.
      if (keys.length > had) field.setRangeText?.(keys.slice(had).join(""), field.selectionStart, field.selectionEnd, "end");
      return;
    }
    const now = performance.now();
    const isAlone = keys.length === 1 && now - this.byHandAt > ALONE_MS;
    this.pieces = (now - this.byHandAt > ALONE_MS ? "" : this.pieces) + keys.join("");
    this.byHandAt = now;
    for (const key of keys) this.typed(key, isAlone, keys.length);
  }

  #endByHand(event) {
    const taken = this.field ?? /^(INPUT|TEXTAREA|SELECT|BUTTON|A|SUMMARY)$/.test(document.activeElement?.tagName);
    this.#byHand();
    // Tab goes on to the next thing on the page, as it does everywhere.
    if (event.code !== "Tab" && !taken) {
      event.preventDefault();
      const { pieces } = this;
      this.pieces = "";
      if (isPieced(pieces)) this.scanned(pieces);
      else this.typed("Enter");
    }
  }
}
