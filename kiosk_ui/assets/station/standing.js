// Whose scan, what it means, with whom: in sight all the time, one tap to change.

import { $, el, shownDay, t } from "./page.js";
import { said } from "./marking.js";
import { MODES } from "./modes.js";
import { told } from "./told.js";
import { MODE_HINTS, MODE_WORDS } from "./units.js";

const REASONS = { expired: said("expired"), damaged: said("damaged"), recalled: said("recalled"), other: said("other") };

const WIDE = matchMedia("(min-width: 700px)");

export class StandingBar {
  constructor(session, device, run) {
    Object.assign(this, { session, device, run, places: [], unknown: "" });
    $("modes").replaceChildren(...MODES.map((mode) => this.#mode(mode)));
    $("reason").replaceChildren(...Object.entries(REASONS).map(([value, words]) => el("option", { value }, t(words))));
    $("reason").addEventListener("change", ({ target }) => this.#stand({ reason: target.value }));
    $("with").addEventListener("change", ({ target }) => this.#named(target.value.trim()));
    $("with").addEventListener("keydown", ({ key, target }) => key === "Enter" && target.blur());
    $("with").addEventListener("input", ({ target }) => this.#offer(target.value.trim()));
    this.#offerKnown();
    $("delivery").addEventListener("keydown", ({ key, target }) => key === "Enter" && target.blur());
    $("delivery").addEventListener("input", () => {
      this.typing = true;
    });
    $("delivery").addEventListener("change", ({ target }) => {
      this.typing = false;
      return this.#stand({ delivery: target.value.trim() || undefined });
    });
    $("day").addEventListener("change", ({ target }) => {
      session.place.day = target.value || undefined;
      this.show();
    });
    // On a telephone what stands is one line, which a tap opens.
    $("standing").open = WIDE.matches || !session.place.merchant;
    this.#learnPlaces();
  }

  // A new question needs the little room there is on a telephone; whoever opens the settings again has them.
  makeRoom(asking) {
    const isNew = asking && asking.goods !== this.askedOf;
    this.askedOf = asking?.goods;
    if (!isNew || WIDE.matches) return;
    if (this.session.place.merchant) $("standing").open = false;
    $("verdict").scrollIntoView({ block: "start" });
  }

  #mode(mode) {
    return el("button", { type: "button", id: `mode-${mode}`, onclick: () => this.#turn(mode) }, t(MODE_WORDS[mode]));
  }

  #turn(mode) {
    const isOther = mode !== this.session.place.mode;
    if (isOther) this.unknown = "";
    return this.run(async () => (await this.session.stand({ mode })) ?? (isOther ? told("green", "From now on: {mode}", { mode }) : undefined));
  }

  #stand(changes) {
    if ("mode" in changes || "merchant" in changes || "counterparty" in changes) this.unknown = "";
    return this.run(() => this.session.stand(changes));
  }

  show() {
    const { asking } = this.session;
    // While a list's proposal is asked, what stands is what it proposes.
    const place = asking?.why === "confirm" ? { ...this.session.place, ...this.session.supplier(), mode: asking.mode, delivery: undefined } : this.session.place;
    $("mode-hint").textContent = t(MODE_HINTS[place.mode]);
    for (const mode of MODES) $(`mode-${mode}`).setAttribute("aria-pressed", String(mode === place.mode));
    $("trading").hidden = !["receive", "sell", "return", "take-back"].includes(place.mode);
    $("disposing").hidden = place.mode !== "dispose";
    $("with-words").textContent = place.mode === "sell" || place.mode === "take-back" ? t("Buyer (none: a shopper)") : t("Supplier");
    if (document.activeElement !== $("with")) $("with").value = place.counterpartyName ?? place.counterparty ?? this.unknown;
    $("with").setAttribute("aria-invalid", String(Boolean(this.unknown)));
    // Whoever is typing a number there keeps it; the focus alone types nothing.
    if (!this.typing) $("delivery").value = place.delivery ?? "";
    $("reason").value = place.reason ?? "expired";
    if (document.activeElement !== $("day")) $("day").value = place.day ?? "";
    $("places").replaceChildren(...this.places.map((one) => this.#badge(one, place)));
    const parts = [place.merchant ? this.nameOf(place.merchant, place.premises) : t("Whose scan?"), t(MODE_WORDS[place.mode]), place.counterpartyName ?? place.counterparty, place.delivery, place.day && shownDay(place.day)];
    $("stands").textContent = parts.filter(Boolean).join(" · ");
    if (!place.merchant) $("standing").open = true;
  }

  // Who a merchant at a place is, by name where that is known.
  nameOf(merchant, premises) {
    return this.places.find((one) => one.merchant === merchant && one.premises === premises)?.words ?? merchant;
  }

  #badge({ merchant, premises, words }, place) {
    const here = place.merchant === merchant && place.premises === premises;
    const take = () => this.#stand({ merchant, premises });
    return el("button", { type: "button", className: "badge", "aria-pressed": String(here), onclick: take }, words);
  }

  // The stalls this browser may report for, with their places; known offline since the last time.
  async #learnPlaces() {
    const { store } = this.session.tape;
    this.places = (await store.get("about", "places")) ?? this.device.merchants.map((merchant) => ({ merchant, premises: merchant, words: merchant }));
    this.show();
    try {
      const found = await Promise.all(this.device.merchants.map(async (merchant) => (await fetch(`/v1/merchants/${merchant}`)).json()));
      const places = found.flatMap(({ merchant, name, premises }) =>
        premises.map((one) => ({ merchant, premises: one.premises, words: premises.length > 1 ? `${name} · ${one.name}` : name })));
      if (places.length) await store.put("about", places, "places");
      if (places.length) this.places = places;
      if (places.length === 1 && !this.session.place.merchant) await this.#stand({ merchant: places[0].merchant, premises: places[0].premises });
    } catch {
      // Not at the moment: those of the last time are shown.
    }
    this.show();
  }

  // A supplier or buyer by name or number, out of the register. A scan that comes while it is looked up waits for it.
  #named(text) {
    return this.run(async () => {
      const known = text ? await this.find(text) : null;
      // Nothing goes under whoever stood there before, and what was typed stays to be mended.
      const says = await this.session.stand({ counterparty: known?.merchant, counterpartyName: known?.name });
      this.unknown = known ? "" : text;
      if (known || !text) return says;
      if (this.several) return { colour: "amber", words: "Several merchants are called {text}: type the number of the one you mean, such as {who}.", with: { text, who: this.several } };
      return { colour: "amber", words: "No merchant {text} is in the register: mend it, or choose from the list. Until then a scan names nobody.", with: { text } };
    });
  }

  // Those it traded with before, then whom the register knows by what was typed so far.
  async #offerKnown() {
    this.#list((await this.session.tape.store.get("about", "partners")) ?? []);
  }

  async #offer(text) {
    if (!text) return this.#offerKnown();
    try {
      const answer = await fetch(`/v1/merchants?limit=12&q=${encodeURIComponent(text)}`, { signal: AbortSignal.timeout(2000) });
      return this.#list((await answer.json()).merchants);
    } catch {
      return undefined;
    }
  }

  #list(partners) {
    $("partners").replaceChildren(...partners.map((one) => el("option", { value: one.name }, one.merchant)));
  }

  // With `exactly` no part of a name will do: nobody looks at each row of a file.
  async find(text, { exactly = false } = {}) {
    const { store } = this.session.tape;
    const kept = (await store.get("about", "partners")) ?? [];
    const plain = (name) => name.replace(/\s/g, "");
    const fitting = (all) => all.filter((one) => one.merchant === text).concat(all.filter((one) => plain(one.name) === plain(text)));
    const chosen = (all) => (all.length === 1 || all[0]?.merchant === text ? all[0] : undefined);
    let among = fitting(kept);
    let found = chosen(among);
    try {
      const answer = await fetch(`/v1/merchants?q=${encodeURIComponent(text)}`, { signal: AbortSignal.timeout(2000) });
      const { merchants } = await answer.json();
      if (fitting(merchants).length) among = fitting(merchants);
      found = chosen(among) ?? (merchants.length === 1 && !exactly ? merchants[0] : found);
    } catch {
      // Offline: those it traded with before.
    }
    // Two stalls of one name are two: nobody is chosen for whom it concerns.
    this.several = found ? undefined : among[1]?.merchant;
    if (!found) return null;
    const partners = [found, ...kept.filter((one) => one.merchant !== found.merchant)].slice(0, 200);
    await store.put("about", partners, "partners");
    return found;
  }
}
