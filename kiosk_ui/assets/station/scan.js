// The scan page: joins this browser, then turns scans, keys and taps into reports, online or not.

import { base64urlBytes } from "./bytes.js";
import { readPicture, startCamera } from "./camera.js";
import { entryIn, proposedIn } from "./proposal.js";
import { lacks, newKey, sign } from "./keys.js";
import { Importer } from "./import.js";
import { Lines } from "./lines.js";
import { Link, enrol } from "./link.js";
import { $, counted, el, sound, t } from "./page.js";
import { PaperForm, Papers } from "./papers.js";
import { Products } from "./products.js";
import { Question } from "./question.js";
import { saveUnsent, loadUnsent } from "./carried.js";
import { VoucherSheet } from "./selling.js";
import { MODES } from "./modes.js";
import { Session } from "./session.js";
import { StandingBar } from "./standing.js";
import { Stops } from "./stops.js";
import { openStore } from "./store.js";
import { Tape } from "./tape.js";
import { told } from "./told.js";
import { describe } from "./verdicts.js";
import { Wedge } from "./wedge.js";

// After this long nobody stands there: the next scan asks whose it is.
const IDLE_MS = 10 * 60_000;
const LOCK = "suyuan-tape";

function show(id) {
  for (const one of ["lacking", "joining", "elsewhere", "station"]) $(one).hidden = one !== id;
}

async function begin() {
  const lacking = await lacks();
  if (lacking) {
    $("lack").textContent = t(lacking);
    return show("lacking");
  }
  navigator.serviceWorker?.register("/station/worker.js", { scope: "/station" });
  // One of before, which kept less, would go on answering for its pages.
  navigator.serviceWorker?.getRegistrations().then((all) => all.filter(({ scope }) => scope.endsWith("/station/")).forEach((one) => one.unregister()));
  navigator.serviceWorker?.ready.then(({ active }) => navigator.serviceWorker.controller || active.postMessage("claim"));
  const store = await openStore();
  const device = await store.get("about", "device");
  if (!device) return joining(store);
  return alone(() => station(store, device));
}

// One tab at a time writes the tape: two would fork it.
function alone(work) {
  const held = (options) =>
    navigator.locks.request(LOCK, options, async (lock) => {
      if (!lock) {
        // When the other one is closed, this one begins by itself.
        navigator.locks.request(LOCK, () => location.reload()).catch(() => {});
        return show("elsewhere");
      }
      await work();
      return new Promise(() => {});
    }).catch(failed);
  $("here").addEventListener("click", () => held({ steal: true }));
  return held({ ifAvailable: true });
}

// Another tab took over, or something broke: said once, and never tried again by itself.
function failed(error) {
  // Nothing of this tab may go on: its next scan would take a number that the other one has taken.
  if (error?.name === "AbortError") return location.reload();
  $("lack").textContent = error?.message ?? String(error);
  return show("lacking");
}

async function joining(store) {
  show("joining");
  $("left").hidden = location.hash !== "#left";
  const invited = new URLSearchParams(location.hash.slice(1));
  if (invited.get("c")) return offerToJoin(store, invited);
  const me = await whoIsHere();
  const own = (me?.roles ?? []).filter(({ role }) => ["merchant", "headquarters"].includes(role)).flatMap(({ over }) => over);
  $("sign-in").hidden = Boolean(me?.account);
  $("join").hidden = !own.length;
  $("join-merchants").textContent = own.join(", ");
  $("join").addEventListener("click", async () => {
    $("join").disabled = true;
    const name = `browser-${crypto.randomUUID().slice(0, 8)}`;
    const since = new Date().toISOString().slice(0, 10);
    const asked = { device: name, merchants: own, since };
    const answer = await fetch("/intake/invitations", {
      method: "POST", body: JSON.stringify(asked), headers: { "content-type": "application/json" },
    });
    const said = await answer.json();
    if (answer.status !== 201) return failedToJoin(said.detail);
    return join(store, said.code);
  });
  const named = await Promise.all(own.map(nameOf));
  $("join-merchants").textContent = named.join(", ");
}

// Who is signed in; asked again while the ledger is busy, so that nobody is taken for a stranger.
async function whoIsHere() {
  for (let tries = 0; tries < 5; tries += 1) {
    const answer = await fetch("/v1/me").catch(() => null);
    if (answer && answer.status < 500) return answer.json();
    await new Promise((done) => setTimeout(done, 1000));
  }
  return null;
}

// A merchant as people call it.
const nameOf = (merchant) => fetch(`/v1/merchants?q=${encodeURIComponent(merchant)}`).then((answer) => answer.json())
  .then(({ merchants }) => merchants.find((one) => one.merchant === merchant)).then((one) => (one ? `${one.name} (${merchant})` : merchant)).catch(() => merchant);

// A link alone joins nothing: whoever made it would have this browser report for them.
function offerToJoin(store, invited) {
  history.replaceState(null, "", location.pathname);
  $("sign-in").hidden = true;
  $("join").hidden = false;
  $("join-merchants").textContent = `${t("whoever sent the link")} (${invited.get("d") ?? ""})`;
  $("join").addEventListener("click", () => {
    $("join").disabled = true;
    join(store, invited.get("c"));
  });
}

// Whose device this is, where somebody else is signed in at this browser; and a way to leave it.
async function sayWhose(device, tape) {
  $("whose").textContent = device.merchants.join(", ");
  $("leave").addEventListener("click", async () => {
    if ((await tape.store.all("pictures")).length) return void ($("leave-words").textContent = t("Not yet: pictures of papers are still on their way. Connect, and wait a moment."));
    if (tape.waiting) return void ($("leave-words").textContent = counted("Not yet: {n} scan is not confirmed. Save or send it first.", "Not yet: {n} scans are not confirmed. Save or send them first.", tape.waiting));
    // Whatever is in this browser is gone then: one tap is too few.
    if (!$("leave").dataset.sure) {
      $("leave").dataset.sure = "yes";
      return void ($("leave-words").textContent = t("Sure? Press it once more: then it scans no more."));
    }
    tape.store.database.close();
    indexedDB.deleteDatabase("suyuan-station").onsuccess = () => {
      location.hash = "left";
      location.reload();
    };
  });
  const me = await whoIsHere();
  const own = (me?.roles ?? []).filter(({ role }) => ["merchant", "headquarters"].includes(role)).flatMap(({ over }) => over);
  $("another").hidden = !me?.account || own.some((merchant) => device.merchants.includes(merchant));
}

async function join(store, code) {
  try {
    // The key is on the disk before the ledger knows it, so that a lost answer can be asked for again.
    const key = (await store.get("about", "key")) ?? (await newKey());
    await store.put("about", key, "key");
    const { device, ledger, keys, merchants } = await enrol(base64urlBytes(code), key, sign);
    await store.put("about", { device, ledger, keys, merchants, key }, "device");
    await store.put("about", { mode: "receive" }, "place");
    location.replace(location.pathname + location.search);
  } catch (error) {
    failedToJoin(error.message);
  }
}

function failedToJoin(why) {
  $("join").disabled = false;
  $("join-failed").hidden = false;
  $("join-failed").textContent = t("It did not join: {why}", { why });
}

async function station(store, device) {
  const tape = await new Tape(store, device).begin();
  const stops = await new Stops(store).begin();
  const products = await new Products(store).begin();
  const papers = await new Papers(tape).begin();
  const session = await new Session(tape, stops, products, papers).begin();
  const lines = new Lines(tape, products, stops, {
    undo: (number) => run(() => session.mending.undo(number)),
    askDate: (number) => run(() => session.mending.askDate(number)),
    askAmount: (number) => run(() => session.mending.askAmount(number)),
    askParty: (number) => run(() => session.mending.askParty(number)),
    askLook: (number) => run(() => session.looking.askLater(number)),
  }, session.looking);
  const question = new Question(session, (work) => run(work));
  $("anyway").addEventListener("click", () => run(() => session.looking.soldAnyway()));
  const standing = new StandingBar(session, device, (work) => run(work));
  const paperForm = new PaperForm(papers, session, (work) => run(work));
  const voucher = new VoucherSheet(session, (work) => run(work), (...place) => standing.nameOf(...place));
  new Importer(session, (work) => run(work), (text) => standing.find(text, { exactly: true }));
  const link = new Link(tape, stops, () => {
    if (link.online) papers.wake();
    refresh();
  });

  async function refresh() {
    $("waiting").textContent = String(tape.waiting);
    $("waiting").classList.toggle("unseen", !tape.waiting);
    $("waiting-words").textContent = tape.waiting ? t("not yet confirmed") : t("all confirmed");
    $("state").className = link.trouble ? "bad" : link.online === false ? "warn" : tape.waiting ? "warn" : "good";
    $("link-words").textContent = link.trouble ? troubleWords(link.trouble) : link.online === false ? t("no connection: scan on, everything is kept here") : t("connected");
    await lines.show();
  }

  // One thing at a time, in the order of the hand; what it says is shown and sounded.
  let before = Promise.resolve();
  function run(work) {
    before = before.then(work).catch((error) => told("red", "NOT kept: {why}", { why: error.message }));
    return before.then(async (says) => {
      if (says) {
        // What is still asked stays in sight beside whatever is said.
        describe($("verdict"), session.asking && !says.line ? { ...says, line: session.asking } : says);
        $("verdict").scrollIntoView({ block: "nearest" });
        if (says.colour) sound(says.colour);
      }
      question.show();
      $("anyway").hidden = !session.refused;
      standing.show();
      standing.makeRoom(session.asking);
      paperForm.show();
      voucher.show();
      link.wake();
      await refresh();
      stillHere();
    });
  }

  let idle;
  function stillHere() {
    clearTimeout(idle);
    idle = session.place.merchant && setTimeout(() => run(async () => {
      await session.stand({ merchant: undefined, premises: undefined });
      return told("amber", "Nobody stands here: choose the stall before you scan.");
    }), IDLE_MS);
  }

  const wedge = new Wedge((text, field) => {
    const many = $("typed").value.trim();
    // What stood there was how many of these; the field gets back what it held only after this.
    setTimeout(() => ($("typed").value = ""), 0);
    if (/^\d{1,4}$/.test(many) && !session.asking) run(() => session.typed(many));
    run(() => session.scanned(text, field));
  }, (...key) => (session.asking ? question.key(...key) : typedElsewhere(...key)));
  wedge.listen();
  $("typed-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = $("typed").value.trim();
    $("typed").value = "";
    if (!question.takeDate(text) && text) run(() => session.typed(text));
  });
  $("camera").addEventListener("click", () => startCamera($("view"), (text) => run(() => session.scanned(text)), t));
  $("picture").addEventListener("change", async (event) => {
    for (const file of event.target.files) for (const text of await readPicture(file)) await run(() => session.scanned(text));
    event.target.value = "";
  });
  $("save").addEventListener("click", () => run(async () => (tape.waiting ? saveUnsent(tape) : told("green", "Nothing is unsent: all of it is confirmed."))));
  $("load").addEventListener("change", async (event) => {
    describe($("verdict"), await loadUnsent(link, event.target.files[0]));
    event.target.value = "";
    refresh();
  });
  keepForGood();
  sayWhose(device, tape);
  show("station");
  question.show();
  standing.show();
  paperForm.show();
  voucher.show();
  await link.start();
  await refresh();
  stillHere();
  // What was asked when the page ended is asked in the same words.
  if (session.asking?.told?.words) describe($("verdict"), { ...session.asking.told, line: session.asking });
  ledHere(session, run);
}

// What an address of another page leads here with: goods that end, or an entry that lacks something.
function ledHere(session, run) {
  const { hash } = location;
  const proposed = proposedIn(hash);
  const entry = entryIn(hash);
  if (hash.startsWith("#papers")) {
    const asked = new URLSearchParams(hash.slice(1));
    $("papers").open = true;
    $("paper-gtins").value = asked.get("gtin") ?? "";
    $("paper-lots").value = asked.get("lot") ?? "";
    $("papers").scrollIntoView();
  }
  if (hash) history.replaceState(null, "", location.pathname + location.search);
  if (proposed) run(() => session.propose(proposed));
  const mode = /^#mode=([a-z-]+)$/.exec(hash)?.[1];
  if (MODES.includes(mode)) run(() => session.stand({ mode }));
  if (entry) run(() => session.mending.asked(entry));
}

// Digits that a hand types while nothing is asked are a code, or how many: they go where those are typed.
function typedElsewhere(key, isAlone, quick) {
  const box = $("typed");
  if (key === "Backspace") box.value = box.value.slice(0, -1);
  else if (/^\d$/.test(key) && quick <= 2) {
    box.value += key;
    box.focus();
  }
}

function troubleWords(trouble) {
  const known = {
    fork: t("This tape was used elsewhere too: call the office, scan on paper."),
    "revoked-device": t("This browser was revoked: what it scans is kept, and not taken. Call the office."),
    "unknown-device": t("The ledger does not know this browser: call the office."),
  };
  return known[trouble] ?? trouble;
}

// Asks the browser not to clear what is kept here; says so where it will not promise.
async function keepForGood() {
  const kept = (await navigator.storage?.persisted?.()) || (await navigator.storage?.persist?.());
  $("not-kept").hidden = Boolean(kept);
}

begin().catch(failed);
