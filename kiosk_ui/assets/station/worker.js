// Keeps the scan page and all it loads, so that it opens without a connection; `told` stands above.

const CACHE = `suyuan-${told.version}`;
const WAIT_MS = 1500;
const OFFLINE = ["/station/scan", "/station/labels"];
const AWAY = "/station/away";

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches.open(CACHE).then((cache) => cache.addAll([...told.kept, ...told.pages])).then(() => self.skipWaiting()),
  );
});

self.addEventListener("activate", (event) => {
  const others = (names) => Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name)));
  event.waitUntil(caches.keys().then(others).then(() => self.clients.claim()));
});

// A page that was opening while this one began asks to be taken along, too.
self.addEventListener("message", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const { pathname } = new URL(event.request.url);
  if (event.request.method !== "GET") return;
  if (told.kept.includes(pathname)) event.respondWith(kept(event.request));
  else if (OFFLINE.includes(pathname)) event.respondWith(freshOrKept(event.request));
  else if (event.request.mode === "navigate") event.respondWith(fetch(event.request).catch(() => caches.match(AWAY, { ignoreVary: true })));
});

async function kept(request) {
  return (await caches.match(request, { ignoreVary: true })) ?? fetch(request);
}

// The newest page where it comes soon, else the one that is here; what stands before a ledger that is away says so in a page of its own.
async function freshOrKept(request) {
  // In whichever language it was kept: the scan page must open.
  const here = (await caches.match(request, { ignoreVary: true }))
    ?? (await caches.match(request, { ignoreVary: true, ignoreSearch: true }));
  if (!here) return fetch(request);
  const late = new Promise((done) => setTimeout(() => done(here.clone()), WAIT_MS));
  const fresh = fetch(request).then((answer) => (answer.ok ? answer : here.clone()), () => here.clone());
  return Promise.race([fresh, late]);
}
