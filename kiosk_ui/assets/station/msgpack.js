// The few MessagePack kinds that a voucher is made of, read and written; anything else is refused.

import { joined, utf8 } from "./bytes.js";

export function unpackMessage(bytes) {
  const reader = { bytes, at: 0, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
  const value = read(reader, 0);
  if (reader.at !== bytes.length) throw new Error("more behind its end");
  return value;
}

function read(reader, depth) {
  if (depth > 4 || reader.at >= reader.bytes.length) throw new Error("cut off");
  const kind = reader.bytes[reader.at++];
  if (kind < 0x80) return kind;
  if (kind >= 0x90 && kind < 0xa0) return list(reader, kind & 0x0f, depth);
  if (kind >= 0xa0 && kind < 0xc0) return text(reader, kind & 0x1f);
  switch (kind) {
    case 0xc0: return null;
    case 0xcc: return number(reader, 1);
    case 0xcd: return number(reader, 2);
    case 0xce: return number(reader, 4);
    case 0xd9: return text(reader, number(reader, 1));
    case 0xda: return text(reader, number(reader, 2));
    case 0xdc: return list(reader, number(reader, 2), depth);
    default: throw new Error("an unknown kind");
  }
}

function number(reader, size) {
  const { view, at } = reader;
  reader.at += size;
  return size === 1 ? view.getUint8(at) : size === 2 ? view.getUint16(at) : view.getUint32(at);
}

function text(reader, size) {
  const part = reader.bytes.slice(reader.at, reader.at + size);
  if (part.length !== size) throw new Error("cut off");
  reader.at += size;
  return new TextDecoder("utf-8", { fatal: true }).decode(part);
}

const list = (reader, size, depth) => Array.from({ length: size }, () => read(reader, depth + 1));

// Writes null, texts, numbers and lists, each as short as it can be.
export const packMessage = (value) => joined(...packed(value));

function packed(value) {
  if (value === null || value === undefined) return [Uint8Array.of(0xc0)];
  if (typeof value === "number") return [value < 0x80 ? Uint8Array.of(value) : sized([0xcc, 0xcd, 0xce], value)];
  if (Array.isArray(value)) {
    const head = value.length < 16 ? Uint8Array.of(0x90 | value.length) : sized([null, 0xdc, null], value.length, 2);
    return [head, ...value.flatMap(packed)];
  }
  const bytes = utf8(value);
  return [bytes.length < 32 ? Uint8Array.of(0xa0 | bytes.length) : sized([0xd9, 0xda, null], bytes.length), bytes];
}

function sized(kinds, number, least = 1) {
  const size = number < 0x100 && least < 2 ? 1 : number < 0x10000 ? 2 : 4;
  const kind = kinds[Math.log2(size)];
  if (kind === null) throw new Error("longer than a voucher may be");
  const bytes = new Uint8Array(1 + size);
  bytes[0] = kind;
  const view = new DataView(bytes.buffer);
  if (size === 1) view.setUint8(1, number);
  else if (size === 2) view.setUint16(1, number);
  else view.setUint32(1, number);
  return bytes;
}
