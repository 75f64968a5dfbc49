// Dates by thumb: four digits MMDD are a day near today; a year is typed before them where that is not it.

const pad = (number) => String(number).padStart(2, "0");

// Returns what typed digits say so far: `wait` for more, a `day`, or `wrong` with the digits.
export function typedDay(digits, kind, today) {
  if (digits.length < 2) return { wait: true };
  const first = Number(digits.slice(0, 2));
  // No month is above twelve: then it is a year of our time, and six digits are meant.
  if (first > 12 && (first < 20 || first > 39)) return { wrong: digits };
  // Nothing of 2020 is good any more: 20 begins a year of four digits, as it is printed.
  const size = first === 20 ? 8 : first > 12 ? 6 : 4;
  if (digits.length < size) return { wait: true };
  const [month, day] = [Number(digits.slice(size - 4, size - 2)), Number(digits.slice(size - 2))];
  const written = (year) => `${year}-${pad(month)}-${pad(day)}`;
  if (size === 8) return isDay(written(digits.slice(0, 4))) ? { day: written(digits.slice(0, 4)) } : { wrong: digits };
  if (size === 6) return isDay(written(2000 + first)) ? { day: written(2000 + first) } : { wrong: digits };
  const year = Number(today.slice(0, 4));
  const near = [year - 1, year, year + 1].map(written).filter(isDay);
  // Goods were made by today, and are good from today on.
  const found = kind === "produced" ? near.filter((d) => d <= today).at(-1) : near.find((d) => d >= today);
  return found ? { day: found } : { wrong: digits };
}

export function isDay(text) {
  const at = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().slice(0, 10) === text;
}

export function addDays(day, days) {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
}

// The day it is in the markets' zone, wherever the browser is.
export function todayIn(zone = "Asia/Shanghai", at = new Date()) {
  const parts = new Intl.DateTimeFormat("en-CA", { timeZone: zone, dateStyle: "short" });
  return parts.format(at);
}
