// Bytes as the scanner's protocol writes them: base64, hex, big-endian numbers, SHA-256.

const encoder = new TextEncoder();

export const utf8 = (text) => encoder.encode(text);

export function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function u64(number) {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(number));
  return bytes;
}

export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

export const base64 = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));

export const bytesOf = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));

export const base64url = (bytes) => base64(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

export const base64urlBytes = (text) => bytesOf(text.replaceAll("-", "+").replaceAll("_", "/"));

export const uuidBytes = (text) =>
  Uint8Array.from(text.replaceAll("-", "").match(/../g), (pair) => parseInt(pair, 16));

export const same = (one, other) =>
  one.length === other.length && one.every((byte, index) => byte === other[index]);

export async function sha256(bytes) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

// The stream under which a tape's reports stand: a UUID of version 5 (RFC 9562, 5.5) in the ledger's own namespace.
const NAMESPACE = "fa5eb689-85cd-5b1a-8a46-09d77f8f26ce";

export async function streamOfTape(tape) {
  const named = joined(uuidBytes(NAMESPACE), utf8(`tape:${tape}`));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-1", named)).slice(0, 16);
  digest[6] = (digest[6] & 0x0f) | 0x50;
  digest[8] = (digest[8] & 0x3f) | 0x80;
  return hex(digest).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
