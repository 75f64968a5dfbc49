// Keeps an open page of the desk or station as the record stands; everything works without this.

const EVERY_MS = 10_000;
const FIELDS = ["input", "textarea", "select"].join();
const region = () => document.querySelector("[data-live]");

// Somebody is in the middle of a form: it is not taken from under their hands.
function busy(here) {
  const active = document.activeElement;
  if (active && here.contains(active) && active.matches(FIELDS)) return true;
  return [...here.querySelectorAll(FIELDS)].some(isChanged);
}

function isChanged(field) {
  if (field.type === "hidden") return false;
  if (field instanceof HTMLSelectElement) {
    const options = [...field.options];
    const first = options.some((one) => one.defaultSelected) ? options.findIndex((one) => one.defaultSelected) : 0;
    return field.selectedIndex !== first;
  }
  if (/radio|checkbox/.test(field.type)) return field.checked !== field.defaultChecked;
  return "defaultValue" in field && field.value !== field.defaultValue;
}

function putOff(here) {
  here.dataset.old = "1";
  const note = document.getElementById("something-new");
  if (note) note.hidden = false;
}

// A burst of changes is two renewals: one at once, and one for all that came while it was held back.
let renewed = -Infinity;
let due = null;
function wish() {
  if (due) return;
  due = setTimeout(() => {
    due = null;
    renewed = performance.now();
    renew();
  }, Math.max(0, renewed + EVERY_MS - performance.now()));
}

async function renew() {
  const here = region();
  if (document.hidden || busy(here)) return putOff(here);
  const answer = await fetch(location.href, { headers: { accept: "text/html" } }).catch(() => null);
  // Away at the moment: said, and looked at again with the next change.
  if (!answer?.ok) return putOff(here);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-live]");
  if (!fresh || here !== region()) return undefined;
  // Somebody may have begun to type while the answer was under way.
  if (busy(here)) return putOff(here);
  const opened = [...here.querySelectorAll("details")].map((one) => one.open);
  here.replaceWith(fresh);
  const note = document.getElementById("something-new");
  if (note) note.hidden = true;
  fresh.querySelectorAll("details").forEach((one, n) => { one.open = opened[n] ?? one.open; });
  globalThis.htmx?.process(fresh);
  return undefined;
}

function follow() {
  const here = region();
  const wanted = here.dataset.live.split(" ");
  let known = Object.fromEntries(wanted.map((key) => [key, undefined]));
  const source = new EventSource("/v1/live/work");
  source.addEventListener("stands", ({ data }) => {
    const now = JSON.parse(data);
    const at = Number(region().dataset.at);
    // The first word is held against the page itself, which was made a moment before.
    const changed = wanted.some((key) => known[key] === undefined ? /alerts|words|stops/.test(key) && now[key] > at : now[key] !== known[key]);
    known = now;
    if (changed) wish();
  });
  // Who may not hear of it, or is signed in no more, does not ask again.
  source.addEventListener("over", () => source.close());
  addEventListener("visibilitychange", () => document.hidden || !region().dataset.old || wish());
}

if (region() && "EventSource" in window) follow();

// The slider of a trace says its position while it is moved.
document.getElementById("as_of")?.addEventListener("input", ({ target }) => {
  document.getElementById("shown-position").textContent = target.value;
  document.getElementById("shown-time").textContent = "…";
  // Whoever slides means a position, and no hour that stands beside it.
  target.form.elements.known.value = "";
});
