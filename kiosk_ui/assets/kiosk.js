// Habits of a public screen: a scanner is heard from anywhere, typing goes to the box, and who left is forgotten.
import { NotUnderstood, classified, understand } from "./station/gs1.js";
import { KIOSK } from "./screens.js";
import { Wedge } from "./station/wedge.js";

const IDLE_MS = 75_000;
const WARNED_MS = 15_000;

// Where a scan leads: to the lot it names, to its product, or to what a search finds.
export function placeOf(text) {
  const { aim, raw } = classified(text);
  const language = new URLSearchParams(location.search).get("lang");
  const more = language ? { lang: language } : {};
  const to = (path, asked = {}) => {
    const query = new URLSearchParams({ ...asked, ...more });
    return query.size ? `${path}?${query}` : path;
  };
  try {
    if (aim === null) return to("/search", { q: raw });
    const { gtin, lot, produced, expires } = understand(aim, raw);
    if (!gtin) return to("/search", { q: raw });
    if (lot) return to(`/01/${gtin}/10/${encodeURIComponent(lot)}`);
    const dates = { ...(produced ? { 11: produced } : {}), ...(expires ? { 17: expires } : {}) };
    return to(`/01/${gtin}`, dates);
  } catch (error) {
    if (!(error instanceof NotUnderstood)) throw error;
    return to("/search", { q: raw });
  }
}

const box = document.getElementById("q");
const go = (text) => {
  location.href = placeOf(text);
};
new Wedge(go, (key) => {
  if (!box) return;
  if (key === "Enter") {
    if (box.value) box.form.requestSubmit();
  } else {
    box.focus();
    box.value += key;
  }
}).listen();

// A kiosk's own scanner speaks to its ledger; this screen, which knows the name it was opened under, follows.
const NAME = "suyuan-screen";
const SEEN = "suyuan-seen";

function follow() {
  const here = new URL(location.href);
  const stated = here.searchParams.get("screen");
  if (stated) {
    sessionStorage.setItem(NAME, stated);
    here.searchParams.delete("screen");
    // Whoever stands before the kiosk does not read it off the address.
    history.replaceState(null, "", here);
  }
  const name = sessionStorage.getItem(NAME);
  if (!name) return;
  const asked = new URLSearchParams({ after: sessionStorage.getItem(SEEN) ?? "" });
  const source = new EventSource(`/intake/screens/${encodeURIComponent(name)}?${asked}`);
  source.addEventListener("look", ({ data, lastEventId }) => {
    sessionStorage.setItem(SEEN, lastEventId);
    go(JSON.parse(data));
  });
  addEventListener("pagehide", () => source.close());
}

follow();
// Back to a page that the browser had kept: it hears again.
addEventListener("pageshow", ({ persisted }) => persisted && follow());

function watch() {
  const dialog = document.getElementById("idle");
  let timer;
  const begin = () => {
    clearTimeout(timer);
    timer = setTimeout(warn, IDLE_MS);
  };
  const warn = () => {
    // Where nobody began anything there is nothing to be warned of.
    if (location.pathname === "/" && !box?.value) return location.replace("/");
    dialog.showModal();
    timer = setTimeout(() => location.replace("/"), WARNED_MS);
  };
  // On click, not on touch: the tap would fall through to what lies below.
  dialog.addEventListener("click", () => {
    dialog.close();
    begin();
  });
  for (const kind of ["keydown", "pointerup", "scroll"]) {
    addEventListener(kind, () => dialog.open || begin(), { passive: true });
  }
  begin();
}

// A public screen has no keyboard: keys to touch while the box is in use. Chinese names are found by their letters, too.
const KEYS = [..."1234567890qwertyuiopasdfghjkl-zxcvbnm", " ", "⌫"];

function offerKeys() {
  const pad = document.createElement("div");
  pad.className = "keys";
  for (const key of KEYS) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = key === " " ? "␣" : key;
    if (key === "⌫") button.setAttribute("aria-label", box.form.dataset.erase);
    if (key === " ") button.setAttribute("aria-label", box.form.dataset.blank);
    button.addEventListener("click", () => {
      box.value = key === "⌫" ? box.value.slice(0, -1) : box.value + key;
    });
    pad.append(button);
  }
  box.form.append(pad);
}

// What was typed stays where somebody only turned to another language.
const TYPED = "suyuan-typed";

function keepTyped() {
  const typed = sessionStorage.getItem(TYPED);
  sessionStorage.removeItem(TYPED);
  if (typed && !box.value) box.value = typed;
  document.querySelector(".language")?.addEventListener("click", () => sessionStorage.setItem(TYPED, box.value));
}

if (matchMedia(KIOSK).matches) watch();
if (matchMedia(KIOSK).matches && box) offerKeys();
// Last: a browser that keeps nothing for us throws here.
if (box) keepTyped();
