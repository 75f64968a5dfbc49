// Small helpers of the station's page: words in the reader's language, elements, sounds.

const words = JSON.parse(document.getElementById("words").textContent);

// Says a text in the page's language; {name} is filled in.
export const t = (text, filled = {}) =>
  (Object.hasOwn(words, text) ? words[text] : String(text)).replace(/\{(\w+)\}/g, (whole, name) => filled[name] ?? whole);

// The same of one and of several, which English tells apart.
export const counted = (one, several, n, filled = {}) => t(!isChinese && Number(n) === 1 ? one : several, { n, ...filled });

export const $ = (id) => document.getElementById(id);

export function el(tag, about = {}, ...inside) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(about)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name in made && name !== "list") made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...inside.filter((one) => one !== null && one !== undefined && one !== ""));
  return made;
}

export const isChinese = document.documentElement.lang.startsWith("zh");

export const shownDay = (day) => {
  const [year, month, dayOfMonth] = day.split("-").map(Number);
  return isChinese ? `${year}年${month}月${dayOfMonth}日` : new Date(`${day}T00:00:00Z`)
    .toLocaleDateString("en", { dateStyle: "medium", timeZone: "UTC" });
};

// As the markets' clocks show it.
export const shownTime = (instant) => new Date(instant)
  .toLocaleString(isChinese ? "zh-CN" : "en", { timeZone: "Asia/Shanghai", dateStyle: "short", timeStyle: "short" });

export const productName = (product, goods) =>
  (isChinese ? product?.name_zh ?? product?.name_en : product?.name_en ?? product?.name_zh) ?? goods.gtin ?? goods.item;

// One sound a verdict, told apart in a loud market: one high, two middle, three low.
const TONES = { green: [1320], ask: [880], amber: [660, 660], red: [220, 220, 220] };
let sounding = null;

export function sound(colour) {
  // Before anybody touched the page no browser lets it sound.
  if (!globalThis.AudioContext || navigator.userActivation?.hasBeenActive === false) return;
  sounding ??= new AudioContext();
  if (sounding.state === "suspended") return void sounding.resume().catch(() => {});
  TONES[colour].forEach((pitch, index) => {
    const tone = sounding.createOscillator();
    const loud = sounding.createGain();
    tone.frequency.value = pitch;
    tone.type = colour === "red" ? "square" : "sine";
    loud.gain.value = 0.4;
    tone.connect(loud).connect(sounding.destination);
    tone.start(sounding.currentTime + index * 0.18);
    tone.stop(sounding.currentTime + index * 0.18 + 0.12);
  });
  navigator.vibrate?.(TONES[colour].map(() => 80));
}
