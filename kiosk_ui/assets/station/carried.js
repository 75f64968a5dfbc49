// Unsent scans as a file: signed as they are, so that any station can hand them in, and none can change them.

import { told } from "./told.js";

const TYPE = "suyuan-unsent.v1";

export async function saveUnsent(tape) {
  const batches = [];
  let after = tape.confirmed;
  for (let batch = await tape.batch(after); batch; batch = await tape.batch(after)) {
    batches.push(batch);
    after = batch.first + batch.reports.length - 1;
  }
  const said = JSON.stringify({ type: TYPE, device: tape.device.device, ledger: tape.device.ledger, batches });
  const address = URL.createObjectURL(new Blob([said], { type: "application/json" }));
  const link = document.createElement("a");
  Object.assign(link, { href: address, download: `${tape.device.device}-${after}.json` });
  link.click();
  URL.revokeObjectURL(address);
  return told("green", ["{n} unsent scan is in the file.", "{n} unsent scans are in the file."], { n: tape.waiting });
}

export async function loadUnsent(link, file) {
  let carried;
  try {
    carried = JSON.parse(await file.text());
  } catch {
    return told("red", "This is no file of unsent scans.");
  }
  if (carried?.type !== TYPE || !Array.isArray(carried.batches)) return told("red", "This is no file of unsent scans.");
  if (carried.ledger !== link.tape.device.ledger) return told("red", "These scans are of another ledger: {ledger}", { ledger: carried.ledger });
  let count = 0;
  for (const batch of carried.batches) {
    const went = await link.hand(batch);
    if (went === "later") return told("amber", "Handed in: {n}. The ledger does not answer now: load the same file again later.", { n: count });
    if (went === "resend.v1") return told("red", "Handed in: {n}. Earlier scans of that device are missing in the ledger: load its earlier file first, or connect the device itself.", { n: count });
    if (went !== "on") return told("red", "Handed in: {n}. The ledger does not take the rest: the file is damaged, or its device was stopped. Tell the office.", { n: count });
    count += batch.reports.length;
  }
  return told("green", ["Handed in for {device}: {n} scan.", "Handed in for {device}: {n} scans."], { device: carried.device, n: count });
}
