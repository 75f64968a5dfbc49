// Goods that met a stop: refused, looked at before they went out or after, or sold all the same; each is a fact like another.

import { told } from "./told.js";

// Lines whose label somebody looked at after they had gone out: so many are remembered.
const LATER_MAX = 200;

export class Looking {
  constructor(session) {
    this.session = session;
    this.later = [];
  }

  async begin() {
    this.later = (await this.session.tape.store.get("about", "looked")) ?? [];
  }

  // Whether somebody answered for a line later, and whether an entry is such an answer.
  wasLater(number) {
    return this.later.some(({ line }) => line === number);
  }

  isLater(number) {
    return this.later.some(({ answer }) => answer === number);
  }

  // Says of goods that may be stopped what the label shows.
  async say(isIt) {
    const { session } = this;
    if (session.asking?.why === "looked") return this.#sayLater(isIt);
    // A second tap on the same button.
    if (session.asking?.why !== "look") return undefined;
    const { stopped, ...asked } = session.asking;
    const line = { ...asked, looked: !isIt };
    if (isIt) return this.refuse(line, stopped, "it-is");
    await session.tape.append(this.#met(line, stopped, "it-is-not"));
    return session.counted(line);
  }

  async refuse(line, stopped, outcome) {
    const { session } = this;
    await session.tape.appendWith((about) => about.delete("asking"), this.#met(line, stopped, outcome));
    session.asking = null;
    session.refused = { line, stopped };
    return { ...told("red", "STOP, do not sell it. Set it aside.", { stopped: stopped.lines, listed: session.stops.time }), line };
  }

  // What was refused went out after all.
  async soldAnyway() {
    const { session } = this;
    const { line, stopped } = session.refused ?? {};
    if (!line) return undefined;
    session.refused = null;
    const numbers = await session.tape.append(this.#met(line, stopped, "sold-anyway"), session.report(line));
    return { ...told("red", "Recorded as sold although it is STOPPED: tell the office.", { stopped: stopped.lines }), numbers, line };
  }

  // Asks of goods that went out before anybody looked at their label whether they are the stopped ones.
  async askLater(number) {
    const { mending, stops } = this.session;
    return mending.asks(number, (now) => {
      const stopped = stops.meets(now.goods, { ...now, mode: "sell" });
      if (!stopped) return null;
      return [{ ...mending.lineOf(now), why: "looked", number, was: now, stopped }, told("amber", "LOOK at the label: is it one of these?", { stopped: stopped.lines })];
    });
  }

  // The line stays as it was; what its label said is a fact beside it.
  async #sayLater(isIt) {
    const { session } = this;
    const { number, was, stopped, ...line } = session.asking;
    const later = [...this.later, { line: number, answer: session.tape.state.last + 1 }].slice(-LATER_MAX);
    const { merchant, premises } = was;
    const report = { ...this.#met(line, stopped, isIt ? "sold-anyway" : "it-is-not"), merchant, premises };
    await session.tape.appendWith((about) => {
      about.put(later, "looked");
      about.delete("asking");
    }, report);
    this.later = later;
    session.asking = null;
    if (!isIt) return { ...told("green", "Kept: somebody looked, and it was none of these."), line };
    return { ...told("red", "It went out although it is STOPPED: tell the office. If you still have it, take the line back.", { stopped: stopped.lines }), line };
  }

  #met(line, stopped, outcome) {
    const { stops } = this.session;
    return {
      type: "stop-met.v1", goods: line.goods, stop: stopped.lines[0].stop, outcome,
      list_version: stops.version, list_time: stops.time ?? new Date().toISOString(), ...this.session.common(),
    };
  }
}
