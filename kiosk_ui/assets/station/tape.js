// The tape: what this browser reported, numbered, chained and on its disk before the hand is told.

import { base64, bytesOf, joined, same, sha256, u64, utf8, uuidBytes } from "./bytes.js";
import { sign } from "./keys.js";

const REPORTS_MAX = 200;
const BATCH_BYTES_MAX = 700_000;
const CHAIN = utf8("suyuan/tape/v1\n");
// A quartz may be off by 100 parts per million, as the ledger reckons it.
const DRIFT = 1e-4;

export class Tape {
  constructor(store, device) {
    this.store = store;
    this.device = device;
    this.boot = crypto.randomUUID().slice(0, 18);
    this.heard = null;
    this.appending = Promise.resolve();
  }

  get id() {
    return this.state.id;
  }

  // Takes up the tape there is, or begins the first one.
  async begin() {
    this.state = await this.store.get("about", "tape");
    // Apart from the tape's end: what is confirmed is written by another hand than what is added.
    this.confirmed = (await this.store.get("about", "confirmed")) ?? 0;
    if (!this.state) {
      const id = crypto.randomUUID();
      this.state = { id, last: 0, chain: await sha256(joined(CHAIN, uuidBytes(id))) };
      await this.append({ type: "tape-opened.v1", device: this.device.device });
    }
    return this;
  }

  clock() {
    const now = Math.round(performance.now());
    const said = { wall: new Date().toISOString(), boot: this.boot, monotonic_ms: now };
    return this.heard ? { ...said, heard: this.heard.time, heard_monotonic_ms: this.heard.at } : said;
  }

  // Appends reports, all or none. On return they are on the disk; `besides` is written with them.
  append(...events) {
    return this.appendWith(() => {}, ...events);
  }

  appendWith(besides, ...events) {
    return this.appendInto([], besides, ...events);
  }

  // The same, with rows of other tables that `besides` fills.
  appendInto(tables, besides, ...events) {
    const appended = this.appending.then(() => this.#append(events, besides, tables));
    this.appending = appended.catch(() => {});
    return appended;
  }

  async #append(events, besides, tables) {
    const state = { ...this.state };
    const rows = [];
    for (const event of events) {
      const report = utf8(JSON.stringify({ ...event, clock: this.clock() }));
      state.last += 1;
      state.chain = await sha256(joined(CHAIN, state.chain, u64(state.last), report));
      rows.push({ number: state.last, report, chain: state.chain, kept: Date.now(), receipt: null });
    }
    await this.store.write(["about", "reports", ...tables], (table) => {
      // `add` fails where the number is taken: another tab would fork this tape.
      for (const row of rows) table("reports").add(row);
      table("about").put(state, "tape");
      besides(table("about"), table);
    });
    this.state = state;
    return rows.map((row) => row.number);
  }

  get waiting() {
    return this.state.last - this.confirmed;
  }

  // The next batch behind a number, signed; null where nothing is left.
  async batch(after = this.confirmed) {
    const rows = await this.store.all("reports", IDBKeyRange.lowerBound(after, true), REPORTS_MAX);
    const part = [];
    let size = 0;
    for (const row of rows) {
      size += (row.report.length * 4) / 3 + 8;
      if (part.length && size > BATCH_BYTES_MAX) break;
      part.push(row);
    }
    if (!part.length) return null;
    const first = part[0].number, last = part.at(-1).number;
    const previous = await this.chainAt(first - 1);
    const message = joined(
      utf8("suyuan/batch/v1\n"), uuidBytes(this.id), u64(first), u64(last), previous, part.at(-1).chain,
    );
    return {
      type: "batch.v1", device: this.device.device, tape: this.id, first, previous: base64(previous),
      reports: part.map((row) => base64(row.report)), key: this.device.key.id,
      signature: base64(await sign(this.device.key, message)),
    };
  }

  async chainAt(number) {
    if (number === 0) return sha256(joined(CHAIN, uuidBytes(this.id)));
    return (await this.store.get("reports", number)).chain;
  }

  // Notes the ledger's signed verdicts; the word itself is kept, too.
  async receipted(receipt, envelope) {
    const last = receipt.verdicts.at(-1).number;
    const known = await this.chainAt(last);
    if (!same(known, bytesOf(receipt.chain))) throw new Error("the receipt is of other reports");
    const rows = await this.store.all("reports", IDBKeyRange.bound(receipt.verdicts[0].number, last));
    const verdicts = new Map(receipt.verdicts.map((verdict) => [verdict.number, verdict]));
    const confirmed = Math.max(this.confirmed, last);
    await this.store.write(["about", "reports", "answers"], (table) => {
      for (const row of rows) table("reports").put({ ...row, receipt: verdicts.get(row.number) ?? row.receipt });
      table("answers").put({ number: last, envelope });
      table("about").put(confirmed, "confirmed");
    });
    this.confirmed = confirmed;
  }

  // Notes the ledger's time. A quick answer tells it better than a slow one, until the counter may have drifted.
  hear(time) {
    const at = Math.round(performance.now());
    const since = this.heard ? at - this.heard.at : 0;
    if (this.heard && Date.parse(time) < Date.parse(this.heard.time) + since * (1 - DRIFT)) return;
    this.heard = { time, at };
  }
}
