// Takes a new entry into the open lot page without a reload, and takes its green away where nobody
// tells any more what was recalled. The page works without this.
import { offer } from "./lot.js";

// The stream says something every few seconds; this long without a word is no connection.
const SILENT_MS = 12_000;
const BROKEN_MS = 3000;
const lot = document.getElementById("lot");
let heard = new Date();
let silent, broken;
// The last entry that the stream told of; what the page shows may be older, until it could be asked for.
let told = lot?.dataset.updated;
// Goods end at midnight, and nobody records that of a lot.
const dayHere = () => new Date().toLocaleDateString("sv", { timeZone: "Asia/Shanghai" });
let day = dayHere();

function lose() {
  const verdict = document.querySelector("#lot .verdict");
  if (!verdict || verdict.classList.contains("bad") || verdict.dataset.lost) return;
  verdict.dataset.lost = "1";
  verdict.className = "verdict warn";
  verdict.querySelector(".sign").textContent = "!";
  const time = heard.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  verdict.querySelector("h2").lastChild.textContent = ` ${document.getElementById("lot").dataset.unknown.replace("{time}", time)}`;
}

function hear() {
  heard = new Date();
  clearTimeout(silent);
  clearTimeout(broken);
  broken = undefined;
  silent = setTimeout(lose, SILENT_MS);
}

// Shows the page anew. Where it cannot be asked for, what it claims is taken away, and the next word of the stream tries again.
async function renew() {
  try {
    await take();
  } catch {
    lose();
  }
}

async function take() {
  const here = document.getElementById("lot");
  // A kept page may be older than what was just told.
  const answer = await fetch(location.href, { headers: { "suyuan-after": told } });
  if (!answer.ok) throw new Error(`${answer.status}`);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("lot");
  const open = here.querySelector("details")?.open;
  if (!fresh) return;
  here.replaceWith(fresh);
  offer();
  const details = fresh.querySelector("details");
  if (details && open) details.open = true;
}

async function look() {
  const here = document.getElementById("lot");
  const turned = day !== dayHere();
  if (turned || told !== here.dataset.updated || here.querySelector("[data-lost]")) await renew();
  if (turned && !document.querySelector("#lot [data-lost]")) day = dayHere();
}

if (lot && "EventSource" in window) {
  const source = new EventSource(lot.dataset.live);
  hear();
  source.addEventListener("updated", async ({ data }) => {
    hear();
    told = data;
    await look();
  });
  source.addEventListener("here", async () => {
    hear();
    await look();
  });
  source.addEventListener("error", () => {
    // From the first error on: the browser tries again every two seconds, and each try fails anew.
    broken ??= setTimeout(lose, BROKEN_MS);
  });
}
