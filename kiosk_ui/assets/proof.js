// Checks an inclusion proof in the page (C2SP tlog-proof, RFC 6962): leaf, path, and the log's signature.

const bytesOf = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
const sha256 = async (...parts) => new Uint8Array(await crypto.subtle.digest("SHA-256", joined(...parts)));
const same = (one, other) => one.length === other.length && one.every((byte, n) => byte === other[n]);

function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function read(text) {
  const cut = text.indexOf("\n\n");
  const lines = text.slice(0, cut).split("\n");
  if (lines.shift() !== "c2sp.org/tlog-proof@v1") throw new Error("no proof");
  const extra = lines[0].startsWith("extra ") ? bytesOf(lines.shift().slice(6)) : null;
  const index = Number(/^index (\d+)$/.exec(lines.shift())[1]);
  return { extra, index, path: lines.map(bytesOf), note: text.slice(cut + 2) };
}

async function unpacked(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// The leaf follows from what is shown; the path from the leaf to the root that was signed.
async function rootOf({ index, path }, size, leaf) {
  let hash = await sha256(Uint8Array.of(0), leaf);
  let [at, last] = [index, size - 1];
  for (const other of path) {
    if (last === 0) throw new Error("the path is too long");
    if (at % 2 || at === last) {
      hash = await sha256(Uint8Array.of(1), other, hash);
      while (at % 2 === 0 && at !== 0) [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
    } else hash = await sha256(Uint8Array.of(1), hash, other);
    [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  }
  if (last !== 0) throw new Error("the path is too short");
  return hash;
}

async function isSigned(note, key) {
  const cut = note.indexOf("\n\n");
  const signed = new TextEncoder().encode(note.slice(0, cut + 1));
  const [, name, id, encoded] = /^(.+)\+([0-9a-f]{8})\+(.+)$/.exec(key);
  const raw = bytesOf(encoded);
  if (raw[0] !== 1) throw new Error("no Ed25519 key");
  const verifier = await crypto.subtle.importKey("raw", raw.slice(1), { name: "Ed25519" }, false, ["verify"]);
  for (const line of note.slice(cut + 2).split("\n")) {
    if (!line.startsWith(`— ${name} `)) continue;
    const found = bytesOf(line.slice(name.length + 3));
    const hint = Array.from(found.slice(0, 4), (byte) => byte.toString(16).padStart(2, "0")).join("");
    if (hint === id && (await crypto.subtle.verify({ name: "Ed25519" }, verifier, found.slice(4), signed))) return true;
  }
  return false;
}

export async function check(text, key, shown) {
  const proof = read(text);
  const opened = await unpacked(proof.extra);
  const [salt, trade, person, open] = [opened.slice(0, 32), opened.slice(32, 64), opened.slice(64, 96), opened.slice(96)];
  const leaf = await sha256(Uint8Array.of(1), await sha256(salt, open), trade, person);
  const [origin, size, root] = proof.note.split("\n");
  if (!key.startsWith(`${origin}+`)) throw new Error("a key of another log");
  if (!same(await rootOf(proof, Number(size), leaf), bytesOf(root))) throw new Error("another root");
  if (!(await isSigned(proof.note, key))) throw new Error("not signed");
  // What stands on the page must be what was opened, member by member.
  const canonical = (value) => JSON.stringify(value, Object.keys(flat(value)).sort());
  const told = JSON.parse(new TextDecoder().decode(open));
  if (canonical(told) !== canonical(JSON.parse(shown))) throw new Error("the page shows something else");
}

const flat = (value, found = {}) => {
  for (const [name, inner] of Object.entries(value ?? {})) {
    found[name] = 1;
    if (typeof inner === "object") flat(inner, found);
  }
  return found;
};

const panel = document.getElementById("check");
if (panel) {
  const say = (tone, sign, words) => {
    panel.className = `verdict ${tone}`;
    panel.querySelector(".sign").textContent = sign;
    document.getElementById("checked").textContent = words;
  };
  const textOf = (id) => document.getElementById(id).textContent;
  const able = globalThis.isSecureContext && crypto.subtle
    && (await crypto.subtle.generateKey({ name: "Ed25519" }, false, ["sign", "verify"]).then(() => true, () => false));
  if (!able) say("warn", "!", panel.dataset.cannot);
  else {
    await check(textOf("proof"), textOf("key").trim(), textOf("public")).then(
      () => say("good", "✓", panel.dataset.good),
      () => say("bad", "✕", panel.dataset.bad),
    );
  }
}
