// The guided story: Next does a step for real and says what it showed; the panels show what is true now.

import { placeOf } from "./kiosk.js";
import { startCamera } from "./station/camera.js";

const LOOK_MS = 400;
const steps = [...document.querySelectorAll("#steps > li")];
const next = document.getElementById("next");
const busy = document.getElementById("busy");
let at = 0;

const filled = (words, facts) =>
  words.replace(/\{(\w+)\}/g, (whole, name) => (Array.isArray(facts[name]) ? facts[name].join("; ") || "0" : facts[name] ?? whole));

function show() {
  steps.forEach((step, index) => {
    step.hidden = index !== at;
  });
  document.getElementById("count").textContent = `${at + 1} / ${steps.length}`;
  next.hidden = at === steps.length - 1;
  nameNext();
}

// What the button does now: lets the step happen, or goes on.
function nameNext() {
  const { act, done } = steps[at].dataset;
  next.textContent = act && !done ? next.dataset.do : next.dataset.on;
}

async function ask(step) {
  const answer = await fetch(`/story/${step}`, { method: "POST" });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

function tell(step, facts) {
  const found = step.querySelector(".found");
  if (!found) return;
  found.textContent = filled(found.dataset.found, facts);
  found.hidden = false;
  if (step.dataset.step === "bundle") document.getElementById("bundle").hidden = false;
}

// A step that acts is done first and told; the next press goes on.
async function press() {
  const step = steps[at];
  const { act } = step.dataset;
  if (!act || step.dataset.done) {
    at = Math.min(at + 1, steps.length - 1);
    return show();
  }
  next.disabled = true;
  busy.textContent = busy.dataset.words;
  try {
    const state = await ask(act);
    step.dataset.done = "1";
    tell(step, state.facts[act]);
    showTill(state);
    busy.textContent = "";
    nameNext();
  } catch {
    busy.textContent = busy.dataset.failed;
  }
  next.disabled = false;
  next.focus();
  return undefined;
}

function showTill({ red, online, waiting }) {
  const till = document.getElementById("till");
  till.className = `till ${red ? "red" : ""} ${online ? "" : "off"}`;
  till.querySelector(".colour").textContent = red ? till.dataset.red : till.dataset.green;
  till.querySelector(".link").textContent = online ? till.dataset.on : till.dataset.off;
  till.querySelector(".waiting").textContent = till.dataset.waiting.replace("{n}", waiting);
}

async function look() {
  try {
    showTill(await (await fetch("/story/state")).json());
    const shopper = document.getElementById("shopper");
    const answer = await fetch(shopper.dataset.lot);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const [title, verdict] = [page.querySelector("h1"), page.querySelector(".verdict")];
    if (title && verdict) {
      title.removeAttribute("id");
      verdict.querySelector("h2").removeAttribute("id");
      verdict.removeAttribute("aria-labelledby");
      const heading = document.createElement("p");
      heading.append(...title.childNodes);
      shopper.querySelector(".page").replaceChildren(heading, verdict);
    }
  } catch {
    // Not at the moment: it looks again.
  }
  setTimeout(look, LOOK_MS);
}

// What is held before the camera becomes the shopper's page beside.
const camera = document.getElementById("camera");
const view = document.getElementById("view");
camera.addEventListener("click", () => startCamera(view, (text) => {
  document.getElementById("shopper").dataset.lot = placeOf(text);
  document.getElementById("camera-words").textContent = text;
}, () => camera.dataset.refused));

next.addEventListener("click", press);
document.getElementById("again").addEventListener("click", async () => {
  busy.textContent = busy.dataset.words;
  await ask("reset");
  location.reload();
});
show();
look();
