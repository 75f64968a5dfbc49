// Papers: a certificate is photographed once, goes on record, and comes along with every later delivery.

import { base64, hex, joined, sha256, utf8 } from "./bytes.js";
import { sign } from "./keys.js";
import { isText } from "./bounds.js";
import { gtin as checkedGtin } from "./gs1.js";
import { $, el, shownDay, t } from "./page.js";
import { said } from "./marking.js";
import { Pause } from "./pause.js";
import { told } from "./told.js";

const KINDS = {
  release: said("Release certificate"), quarantine: said("Quarantine certificate"), "meat-inspection": said("Meat inspection certificate"),
  licence: said("Licence"), permit: said("Permit"), origin: said("Certificate of origin"), other: said("Another paper"),
};
const MEDIA = ["image/jpeg", "image/png", "image/heic", "application/pdf"];
const BYTES_MAX = 12_582_912;
const ATTACHED_MAX = 16;
const AGAIN_MS = 20_000;

function isGtin(text) {
  try {
    return Boolean(checkedGtin(text));
  } catch {
    return false;
  }
}

export class Papers {
  constructor(tape) {
    this.tape = tape;
    this.rows = [];
    this.untilAgain = new Pause();
  }

  async begin() {
    this.rows = await this.tape.store.all("papers");
    this.#sendOn();
    return this;
  }

  // Papers of a supplier that are good today and speak of these goods: they come along with what it delivers.
  of(supplier, today, goods) {
    const isOf = ({ gtins = [], lots = [] }) => (!gtins.length || gtins.includes(goods.gtin)) && (!lots.length || lots.includes(goods.lot));
    const good = (row) => supplier && row.supplier === supplier && isOf(row) && row.valid_from <= today && (!row.valid_until || row.valid_until >= today);
    return this.rows.filter(good).map((row) => row.digest).slice(-ATTACHED_MAX);
  }

  // Puts a paper on record: the report, what is remembered of it, and its picture, in one stroke.
  async file(picture, stated, common) {
    if (!MEDIA.includes(picture.type)) return told("red", "A paper is a photograph (JPEG, PNG, HEIC) or a PDF.");
    if (picture.size > BYTES_MAX) return told("red", "A paper has at most 12 MB: take the picture smaller.");
    const content = new Uint8Array(await picture.arrayBuffer());
    const digest = hex(await sha256(content));
    const report = { type: "certificate-filed.v2", document: digest, ...stated, ...common };
    const row = { digest, ...stated };
    await this.tape.appendInto(["papers", "pictures"], (_about, table) => {
      table("papers").put(row);
      table("pictures").put({ digest, media: picture.type, content });
    }, report);
    this.rows = [...this.rows.filter((one) => one.digest !== digest), row];
    this.wake();
    return told("green", "The paper is on record, and comes along with this supplier's deliveries.");
  }

  // There is a connection again, or something to send.
  wake() {
    this.untilAgain.end();
  }

  async #sendOn() {
    for (;;) {
      await this.#send();
      await this.untilAgain.of(AGAIN_MS);
    }
  }

  async #send() {
    for (const picture of await this.tape.store.all("pictures")) {
      try {
        if (!(await this.#put(picture))) return;
      } catch {
        return;
      }
      await this.tape.store.write(["pictures"], (table) => table("pictures").delete(picture.digest));
    }
  }

  // Hands a picture in under the device's signature; false while it has to be tried again.
  async #put({ digest, media, content }) {
    const { key, device } = this.tape.device;
    const raw = await sha256(content);
    const signature = await sign(key, joined(utf8("suyuan/document/v1\n"), raw, utf8(media)));
    const said = { type: "document.v1", device, digest, media, key: key.id, signature: base64(signature) };
    const answer = await fetch(`/intake/documents/${digest}`, {
      method: "PUT", body: content, headers: { "x-suyuan-signed": base64(utf8(JSON.stringify(said))), "content-type": media },
    });
    if (answer.ok) return true;
    const { title, detail } = await answer.json();
    if (title !== "document-refused") return false;
    $("paper-refused").textContent = t("The ledger does not take a picture: {why}", { why: detail });
    $("paper-refused").hidden = false;
    return true;
  }
}

export class PaperForm {
  constructor(papers, session, run) {
    Object.assign(this, { papers, session });
    $("paper-kind").replaceChildren(...Object.entries(KINDS).map(([value, words]) => el("option", { value }, t(words))));
    $("paper-form").addEventListener("submit", (event) => {
      event.preventDefault();
      run(() => this.#file(event.target));
    });
  }

  show() {
    const { today } = this.session;
    const { counterparty, counterpartyName } = this.session.supplier();
    const own = this.papers.rows.filter((row) => row.supplier && row.supplier === counterparty);
    const words = (row) => [t(KINDS[row.kind]), row.number, row.valid_until && t("valid until {day}", { day: shownDay(row.valid_until) })].filter(Boolean).join(" · ");
    $("paper-of").textContent = counterparty ? t("Of {who}", { who: counterpartyName ?? counterparty }) : t("Choose the supplier first: a certificate is somebody's.");
    $("paper-list").replaceChildren(...own.map((row) => el("li", { className: !row.valid_until || row.valid_until >= today ? "" : "gone" }, words(row))));
  }

  async #file(form) {
    const { place } = this.session;
    if (!place.merchant) return told("amber", "Whose is it? Choose the stall first.");
    const { counterparty } = this.session.supplier();
    if (!counterparty) return told("amber", "Choose the supplier first: a certificate is somebody's.");
    const filled = new FormData(form);
    const listed = (name) => filled.get(name).split(/[\s,;，；、]+/).filter(Boolean);
    const [gtins, lots] = [listed("gtins"), listed("lots")];
    const wrong = gtins.find((one) => !isGtin(one)) ?? lots.find((one) => !isText(one));
    if (wrong) return told("red", "This is no code of goods: {text}", { text: wrong.slice(0, 40) });
    const stated = {
      kind: filled.get("kind"), number: filled.get("number").trim(), issuer: filled.get("issuer").trim(),
      valid_from: filled.get("from"), valid_until: filled.get("until") || undefined, supplier: counterparty,
      gtins: gtins.map((one) => checkedGtin(one)), lots,
    };
    const says = await this.papers.file(filled.get("picture"), stated, this.session.common());
    if (says.colour === "green") form.reset();
    // Said where the hand is; the verdict may be far above.
    $("paper-said").textContent = t(says.words, says.with);
    return says;
  }
}
