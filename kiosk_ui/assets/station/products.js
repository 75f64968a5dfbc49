// What this browser knows of products: their names, the dates they bore lately, how many usually come.

const LATELY = 3;
const NEAR_DATES = 4;
const ASK_MS = 250;

export class Products {
  constructor(store) {
    this.store = store;
    this.rows = new Map();
  }

  async begin() {
    for (const row of await this.store.all("products")) this.rows.set(row.gtin, row);
    return this;
  }

  // Returns a product, out of this browser's memory, or asked for while the hand still waits.
  async known(gtin) {
    const row = this.rows.get(gtin);
    const asked = this.#learn(gtin).catch(() => null);
    if (row?.name_zh) return row;
    const late = new Promise((done) => setTimeout(() => done(null), ASK_MS));
    return (await Promise.race([asked, late])) ?? row ?? { gtin };
  }

  async #learn(gtin) {
    const answer = await fetch(`/station/product/${gtin}`, { signal: AbortSignal.timeout(5000) });
    if (!answer.ok) return null;
    const { product, lots, holds } = await answer.json();
    if (!product) return null;
    const dates = lots.map(({ produced, expires }) => ({ produced: produced ?? undefined, expires: produced ? undefined : expires ?? undefined }));
    return this.#put({ ...this.rows.get(gtin), ...product, gtin, single: product.gtin, holds, dates: dates.filter((one) => one.produced || one.expires) });
  }

  #put(row) {
    this.rows.set(row.gtin, row);
    this.store.put("products", row);
    return row;
  }

  lately(gtin, counterparty) {
    return this.rows.get(gtin)?.lately?.[counterparty ?? ""] ?? [];
  }

  // Dates that were on these goods lately, here or with others: one tap instead of four keys.
  near({ goods, product }, counterparty, today) {
    const others = (product?.dates ?? []).map(({ produced, expires }) => ({ produced, expires }));
    const seen = new Set();
    // What its label says first; a date of the other kind may still be the right one, and one of others comes last.
    const kind = this.kind(goods.gtin);
    const sorted = (dates) => [...dates].sort((one, other) => Number(Boolean(other[kind])) - Number(Boolean(one[kind])));
    return [...sorted(this.lately(goods.gtin, counterparty)), ...sorted(others)].filter((dates) => {
      const name = JSON.stringify(dates);
      const fits = !dates.expires || dates.expires >= today;
      return fits && !seen.has(name) && seen.add(name);
    }).slice(0, NEAR_DATES);
  }

  // Whether this product's label says when it was made or until when it is good.
  kind(gtin) {
    return this.rows.get(gtin)?.kind ?? "produced";
  }

  // A line that was taken back is no habit.
  forget(gtin, counterparty, dates) {
    const row = this.rows.get(gtin);
    if (!row) return;
    const from = counterparty ?? "";
    const lately = this.lately(gtin, counterparty).filter((one) => one.produced !== dates.produced || one.expires !== dates.expires);
    this.#put({ ...row, usual: { ...row.usual, [from]: undefined }, lately: { ...row.lately, [from]: lately } });
  }

  usual(row, place) {
    return place.mode === "receive" ? row?.usual?.[place.counterparty ?? ""] : undefined;
  }

  // What a hand turned to is how the label speaks; a tap on a date of before says nothing of that.
  remember(gtin, counterparty, dates, amount, how) {
    const row = this.rows.get(gtin) ?? { gtin };
    const from = counterparty ?? "";
    const others = this.lately(gtin, counterparty).filter((one) => JSON.stringify(one) !== JSON.stringify(dates));
    this.#put({
      ...row, ...(how === "keyed" ? { kind: dates.produced ? "produced" : "expires" } : {}), usual: { ...row.usual, [from]: Number(amount) },
      lately: { ...row.lately, [from]: [dates, ...others].slice(0, LATELY) },
    });
  }
}
