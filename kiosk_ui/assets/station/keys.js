// Keys: the device's own, which nobody can take out of this browser, and the ledger's, by which it is believed.

import { base64, bytesOf, hex, joined, sha256, utf8 } from "./bytes.js";

const OURS = { name: "ECDSA", namedCurve: "P-256" };
const SIGNING = { name: "ECDSA", hash: "SHA-256" };

export async function newKey() {
  const pair = await crypto.subtle.generateKey(OURS, false, ["sign", "verify"]);
  const point = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  const text = `p256:${base64(point)}`;
  return { secret: pair.privateKey, text, id: await keyId(text) };
}

export async function keyId(text) {
  const digest = await sha256(utf8(text));
  return `${text.split(":")[0]}:${hex(digest).slice(0, 32)}`;
}

// Browsers sign as r ‖ s (IEEE P1363); the protocol has DER (RFC 3279, section 2.2.3).
export async function sign(key, message) {
  const plain = new Uint8Array(await crypto.subtle.sign(SIGNING, key.secret, message));
  const numbers = joined(derNumber(plain.slice(0, 32)), derNumber(plain.slice(32)));
  return joined(Uint8Array.of(0x30, numbers.length), numbers);
}

function derNumber(bytes) {
  let first = 0;
  while (first < bytes.length - 1 && bytes[first] === 0) first += 1;
  const short = bytes.slice(first);
  const positive = short[0] & 0x80 ? joined(Uint8Array.of(0), short) : short;
  return joined(Uint8Array.of(2, positive.length), positive);
}

// A key of the ledger's, as text; checks what it signed.
export async function ledgerKey(text) {
  const [kind, encoded] = text.split(":");
  if (kind !== "ed25519") throw new Error(`this browser checks no key of kind ${kind}`);
  const key = await crypto.subtle.importKey("raw", bytesOf(encoded), { name: "Ed25519" }, false, ["verify"]);
  return {
    text,
    id: await keyId(text),
    signed: (signature, message) => crypto.subtle.verify({ name: "Ed25519" }, key, signature, message),
  };
}

// What this browser lacks to be a device, in words; nothing where it can be one.
export async function lacks() {
  if (!globalThis.isSecureContext) return "a secure address (https://)";
  if (!globalThis.indexedDB) return "a disk of its own (IndexedDB)";
  if (!navigator.locks) return "locks between its tabs (Web Locks)";
  try {
    await crypto.subtle.generateKey({ name: "Ed25519" }, false, ["sign", "verify"]);
  } catch {
    return "signatures of the ledger's kind (Ed25519): take a newer browser";
  }
  return "";
}
