// The browser's own disk: a few tables in IndexedDB, and a write that is on it when it returns.

const NAME = "suyuan-station";
const VERSION = 2;
const TABLES = {
  about: undefined, reports: "number", products: "gtin", answers: "number", papers: "digest", pictures: "digest",
};

export function openStore(name = NAME) {
  return new Promise((done, failed) => {
    const opening = indexedDB.open(name, VERSION);
    opening.onupgradeneeded = () => {
      // Later versions add tables; what earlier ones hold stays.
      const missing = Object.entries(TABLES).filter(([table]) => !opening.result.objectStoreNames.contains(table));
      for (const [table, keyPath] of missing) opening.result.createObjectStore(table, keyPath ? { keyPath } : undefined);
    };
    opening.onsuccess = () => done(new Store(opening.result));
    opening.onerror = () => failed(opening.error);
    opening.onblocked = () => failed(new Error("another tab holds an older version open"));
  });
}

class Store {
  constructor(database) {
    this.database = database;
  }

  // Runs one transaction; on return it is on the disk, not in a buffer that a power cut takes.
  write(tables, work) {
    return new Promise((done, failed) => {
      const all = this.database.transaction(tables, "readwrite", { durability: "strict" });
      all.oncomplete = () => done();
      all.onabort = () => failed(all.error ?? new Error("the disk took nothing"));
      all.onerror = () => failed(all.error);
      try {
        work((name) => all.objectStore(name), all);
      } catch (error) {
        all.abort();
        failed(error);
      }
    });
  }

  read(table, ask) {
    return new Promise((done, failed) => {
      const asking = ask(this.database.transaction(table).objectStore(table));
      asking.onsuccess = () => done(asking.result);
      asking.onerror = () => failed(asking.error);
    });
  }

  get = (table, key) => this.read(table, (rows) => rows.get(key));

  all = (table, range, most) => this.read(table, (rows) => rows.getAll(range, most));

  put = (table, value, key) =>
    this.write([table], (rows) => (key === undefined ? rows(table).put(value) : rows(table).put(value, key)));
}
