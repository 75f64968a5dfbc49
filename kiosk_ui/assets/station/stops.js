// The stop list on this device: what may not be sold, kept across restarts; the same rules as on every scanner.

const RESTORED_MS = 600_000;

export class Stops {
  constructor(store) {
    this.store = store;
    this.bodies = [];
    this.lines = new Map();
  }

  async begin() {
    this.bodies = (await this.store.get("about", "stops")) ?? [];
    this.#index();
    return this;
  }

  get version() {
    return this.bodies[0]?.version ?? 0;
  }

  get time() {
    return this.bodies[0]?.time ?? null;
  }

  // Takes a whole list; false for one that is older than what is known, or has parts of several.
  async take(bodies) {
    const [first] = bodies;
    if (!first || bodies.length !== first.parts) return false;
    if (bodies.some((body) => body.version !== first.version || body.time !== first.time)) return false;
    const younger = Date.parse(first.time) - Date.parse(this.time ?? 0);
    if (this.bodies.length && first.version < this.version && younger < RESTORED_MS) return false;
    if (this.bodies.length && first.version === this.version && younger <= 0) return false;
    const another = first.version !== this.version;
    await this.store.put("about", bodies, "stops");
    this.bodies = bodies;
    this.#index();
    return another;
  }

  #index() {
    this.lines = new Map();
    for (const line of this.bodies.flatMap((body) => body.lines)) {
      for (const name of new Set([line.goods.product ?? "", ...(line.gtins ?? [])])) {
        this.lines.set(name, [...(this.lines.get(name) ?? []), line]);
      }
    }
  }

  // Says what the list says of goods in hand: `stopped` or `possible`, with its lines; null for neither.
  meets(goods, place) {
    const product = goods.gtin ?? (goods.item ? `item:${goods.item}` : "");
    const found = { stopped: [], possible: [] };
    for (const line of [...(this.lines.get(product) ?? []), ...(this.lines.get("") ?? [])]) {
      const how = meets(line.goods, met(goods, place, line));
      if (how) found[how].push(line);
    }
    const how = found.stopped.length ? "stopped" : "possible";
    return found[how].length ? { how, lines: found[how] } : null;
  }
}

function met(goods, place, line) {
  const came = place.mode === "receive";
  const own = place.merchant === line.goods.supplier ? place.merchant : null;
  const delivery = came && place.delivery && !goods.gtin ? `${place.merchant}/${place.delivery}` : null;
  return { ...goods, supplier: (came ? place.counterparty : own) ?? null, delivery };
}

function meets(line, hand) {
  const supplied = suppliedBy(line, hand);
  const part = partOf(line, hand);
  if (!supplied || !part) return null;
  return supplied === "stopped" && part === "stopped" ? "stopped" : "possible";
}

function suppliedBy(line, hand) {
  if (!line.supplier) return "stopped";
  if (hand.supplier === null) return line.product ? "possible" : null;
  return line.supplier === hand.supplier ? "stopped" : null;
}

function partOf(line, hand) {
  if (line.lot && hand.lot) return line.lot === hand.lot ? "stopped" : null;
  if (line.delivery) {
    if (!hand.delivery) return "possible";
    return line.delivery === hand.delivery ? "stopped" : null;
  }
  const within = isWithin(line, hand);
  if (within === false) return null;
  if (line.lot) return "possible";
  const dated = line.produced_from || line.produced_until || line.expires_from || line.expires_until;
  return within || !dated ? "stopped" : "possible";
}

function isWithin(line, hand) {
  const said = [];
  for (const [first, last, day] of [
    [line.produced_from, line.produced_until, hand.produced],
    [line.expires_from, line.expires_until, hand.expires],
  ]) {
    if (day && (first || last)) said.push((!first || first <= day) && (!last || day <= last));
  }
  return said.length ? said.every(Boolean) : null;
}
