// Helps on a lot's page: keep it as bought, read it aloud. The page says all of it without this.
import { KIOSK } from "./screens.js";

const NAME = "suyuan-mine";
const MOST = 200;

document.addEventListener("click", ({ target }) => {
  if (target.id === "keep") keep(target);
  if (target.id === "aloud") readAloud(target);
});

// The day as the clock on the wall has it.
const today = () => new Date(Date.now() - new Date().getTimezoneOffset() * 60_000).toISOString().slice(0, 10);

function keep(button) {
  const { gtin, lot, title } = button.dataset;
  const others = JSON.parse(localStorage.getItem(NAME) ?? "[]").filter((one) => one.gtin !== gtin || one.lot !== lot);
  localStorage.setItem(NAME, JSON.stringify([{ gtin, lot, title, on: today() }, ...others].slice(0, MOST)));
  isKept(button);
}

function isKept(button) {
  button.textContent = button.dataset.kept;
  button.disabled = true;
  document.getElementById("to-mine").hidden = false;
}

// While it reads, the button says so, and stops it.
function readAloud(button) {
  const calls = button.dataset.words ?? button.textContent;
  const quiet = () => {
    button.textContent = calls;
  };
  button.dataset.words = calls;
  const wasReading = speechSynthesis.speaking;
  speechSynthesis.cancel();
  if (wasReading) return quiet();
  const parts = ["h1", "#verdict", ".verdict .notice", ".verdict ul"];
  const words = parts.map((part) => document.querySelector(part)?.innerText).filter(Boolean).join("。");
  const said = new SpeechSynthesisUtterance(words);
  said.lang = document.documentElement.lang;
  said.addEventListener("end", quiet);
  said.addEventListener("error", quiet);
  button.textContent = button.dataset.stop;
  return speechSynthesis.speak(said);
}

export function offer() {
  const keepIt = document.getElementById("keep");
  const aloud = document.getElementById("aloud");
  // What somebody bought is kept where nobody else looks.
  if (keepIt) {
    keepIt.hidden = matchMedia(KIOSK).matches;
    const { gtin, lot } = keepIt.dataset;
    if (JSON.parse(localStorage.getItem(NAME) ?? "[]").some((one) => one.gtin === gtin && one.lot === lot)) isKept(keepIt);
  }
  if (aloud) aloud.hidden = !("speechSynthesis" in window);
}

offer();
