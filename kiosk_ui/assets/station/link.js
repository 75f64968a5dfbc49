// The link: hands the tape in whenever the ledger can be reached, and believes its signed word alone.

import { bytesOf, hex, joined, sha256, utf8 } from "./bytes.js";
import { keyId, ledgerKey } from "./keys.js";
import { Pause } from "./pause.js";

const WAIT_MS = 2000;
const WAIT_MAX_MS = 60_000;
const REFUSED_MS = 60_000;
const ANSWER_MS = 25_000;
const STOPS_MS = 10_000;

export class Link {
  // `changed` is called whenever what the hand should see may be another.
  constructor(tape, stops, changed) {
    this.tape = tape;
    this.stops = stops;
    this.changed = changed;
    this.online = null;
    this.trouble = null;
    this.forked = false;
    this.wait = WAIT_MS;
    this.from = undefined;
    this.untilBatch = new Pause();
    this.untilStops = new Pause();
  }

  async start() {
    await this.#trust(this.tape.device.keys);
    addEventListener("online", () => this.wake());
    this.#deliver();
    this.#learnStops();
    this.#hearOfStops();
  }

  wake() {
    this.wait = WAIT_MS;
    this.untilBatch.end();
  }

  async #trust(keys) {
    this.keys = new Map();
    for (const text of keys) this.keys.set(await keyId(text), await ledgerKey(text));
  }

  async #deliver() {
    for (;;) {
      const went = !this.forked && this.tape.waiting > 0 ? await this.#deliverOnce() : "idle";
      if (went === "on") {
        this.wait = WAIT_MS;
        continue;
      }
      const wait = went === "idle" ? WAIT_MAX_MS : went === "refused" ? REFUSED_MS : this.#longer();
      // Until something new is on the tape, or so long; not all stations at once.
      await this.untilBatch.of(wait * (0.5 + Math.random()));
    }
  }

  #longer() {
    this.wait = Math.min(this.wait * 2, WAIT_MAX_MS);
    return this.wait;
  }

  async #deliverOnce() {
    try {
      const batch = await this.tape.batch(this.from);
      if (batch === null) {
        this.from = undefined;
        return "idle";
      }
      return await this.hand(batch);
    } catch (error) {
      this.#say({ online: false, trouble: error.name === "AbortError" ? null : error.message });
      return "later";
    }
  }

  // Hands one signed batch in, of this tape or of another; returns how it went.
  async hand(batch) {
    let answer;
    try {
      answer = await fetch("/intake/batches", {
        method: "POST", body: JSON.stringify(batch), signal: AbortSignal.timeout(ANSWER_MS),
        headers: { "content-type": "application/json" },
      });
    } catch {
      this.#say({ online: false, trouble: null });
      return "later";
    }
    if (!answer.ok) {
      this.#say({ online: answer.status < 500, trouble: null });
      // What was not understood will not be; who asked too often may ask later.
      return answer.status < 500 && answer.status !== 429 ? "unread" : "later";
    }
    return this.#take(await answer.json(), batch);
  }

  async #take(envelope, batch) {
    const body = await this.#read(envelope, "suyuan/answer/v1\n");
    if (!body || body.tape !== batch.tape) {
      this.#say({ online: true, trouble: "an answer that this ledger did not sign" });
      return "later";
    }
    this.tape.hear(body.time);
    if (batch.tape !== this.tape.id) return body.type === "receipt.v1" ? "on" : body.message ?? body.type;
    switch (body.type) {
      case "receipt.v1":
        await this.tape.receipted(body, envelope);
        this.from = undefined;
        this.#say({ online: true, trouble: null });
        return "on";
      case "resend.v1":
        this.from = body.number - 1;
        this.#say({ online: true, trouble: null });
        return "on";
      case "fork.v1":
        this.forked = true;
        this.#say({ online: true, trouble: "fork" });
        return "refused";
      default:
        this.#say({ online: true, trouble: body.code });
        return "refused";
    }
  }

  async #read(envelope, purpose) {
    let key = this.keys.get(envelope.key);
    if (!key) {
      await this.#followKeys();
      key = this.keys.get(envelope.key);
    }
    const body = bytesOf(envelope.body);
    if (!key || !(await key.signed(bytesOf(envelope.signature), joined(utf8(purpose), body)))) return null;
    return purpose.startsWith("suyuan/stops") ? body : JSON.parse(new TextDecoder().decode(body));
  }

  // The ledger goes on with another key: believed where the one before signed it.
  async #followKeys() {
    const about = await (await fetch("/intake/ledger")).json();
    const keys = [...this.tape.device.keys];
    for (const link of about.succession ?? []) {
      const before = await ledgerKey(keys.at(-1));
      const said = utf8(`suyuan/ledger-key/v1\n${this.tape.device.ledger}\n${link.key}`);
      if (link.by === before.text && (await before.signed(bytesOf(link.signature), said))) keys.push(link.key);
    }
    if (keys.length === this.tape.device.keys.length) return;
    this.tape.device.keys = keys;
    await this.tape.store.put("about", this.tape.device, "device");
    await this.#trust(keys);
  }

  // Asks now and then whatever happens; what is heard in between only makes it sooner.
  async #learnStops() {
    for (;;) {
      try {
        const answer = await fetch("/intake/stops", { signal: AbortSignal.timeout(ANSWER_MS) });
        if (answer.ok && (await this.#takeStops((await answer.json()).parts))) this.changed();
        this.#say({ online: answer.ok || answer.status < 500 });
      } catch {
        this.#say({ online: false });
      }
      await this.untilStops.of(STOPS_MS);
    }
  }

  #hearOfStops() {
    const told = new EventSource("/station/stops");
    told.addEventListener("version", ({ data }) => Number(data) > this.stops.version && this.untilStops.end());
  }

  async #takeStops(parts) {
    const bodies = [];
    for (const part of parts) {
      const body = await this.#read(part, "suyuan/stops/v1\n");
      if (body === null) return false;
      bodies.push(JSON.parse(await unpacked(body)));
    }
    return this.stops.take(bodies);
  }

  #say(said) {
    const before = [this.online, this.trouble];
    Object.assign(this, said);
    if (this.online && before[0] === false) this.untilBatch.end();
    if (before[0] !== this.online || before[1] !== this.trouble || said.trouble !== undefined) this.changed();
  }
}

async function unpacked(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).text();
}

// Joins the ledger by a one-time code: this browser makes its key, and learns the ledger's.
export async function enrol(code, key, signing) {
  const digest = await sha256(code);
  const none = await sha256(new Uint8Array());
  const message = joined(utf8("suyuan/enrolment/v1\n"), digest, none, utf8(key.text));
  const { base64 } = await import("./bytes.js");
  const form = {
    type: "enrolment.v1", code: base64(code), key: key.text, request: "",
    signature: base64(await signing(key, message)),
  };
  const answer = await fetch("/intake/enrolments", {
    method: "POST", body: JSON.stringify(form), headers: { "content-type": "application/json" },
  });
  const told = await answer.json();
  if (answer.status !== 201) throw new Error(told.detail ?? told.title);
  return { ...told, codeDigest: hex(digest) };
}
