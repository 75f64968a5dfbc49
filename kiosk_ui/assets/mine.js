// What somebody bought, kept in this browser alone and compared with the recalls when the page opens.

const NAME = "suyuan-mine";
const list = document.getElementById("kept");
const kept = () => JSON.parse(localStorage.getItem(NAME) ?? "[]");

async function verdictOf({ gtin, lot }) {
  try {
    const answer = await fetch(`/v1/lots/${gtin}/${encodeURIComponent(lot)}`);
    if (!answer.ok) return ["warn", list.dataset.unknown];
    const { stops, papers, lot: known, today, made_from: parts } = await answer.json();
    const stopped = stops.find(({ how }) => how === "stopped");
    // In the order in which the lot's own page says them.
    if (stops.some(({ how, kind }) => how === "stopped" && kind === "recall")) return ["bad", list.dataset.recalled];
    if (papers.some(({ kind, result }) => kind === "test" && result === "failed")) return ["bad", list.dataset.failed];
    if (known.expires && known.expires < today) return ["bad", list.dataset.past];
    if (stopped) return ["bad", list.dataset.held];
    if (parts.some(({ stopped }) => ["recalled", "held"].includes(stopped))) return ["bad", list.dataset.part];
    if (stops.length) return ["warn", list.dataset.maybe];
    return ["good", list.dataset.clear];
  } catch {
    return ["warn", list.dataset.unknown];
  }
}

function item(one) {
  const row = document.createElement("li");
  const link = document.createElement("a");
  link.href = `/01/${one.gtin}/10/${encodeURIComponent(one.lot)}`;
  const title = document.createElement("strong");
  title.textContent = `${one.title} · ${one.lot.replace(/^[A-Z]:/, "")}`;
  const words = document.createElement("span");
  words.textContent = "…";
  link.append(title, words);
  if (one.on) {
    const when = document.createElement("small");
    const day = new Date(`${one.on}T12:00:00`).toLocaleDateString(document.documentElement.lang, { dateStyle: "long" });
    when.textContent = list.dataset.on.replace("{day}", day);
    link.append(when);
  }
  const forget = document.createElement("button");
  forget.type = "button";
  forget.textContent = list.dataset.forget;
  forget.addEventListener("click", () => {
    // One tap is a slip as soon as a wish.
    if (forget.textContent !== list.dataset.sure) {
      setTimeout(() => (forget.textContent = list.dataset.forget), 5000);
      return void (forget.textContent = list.dataset.sure);
    }
    localStorage.setItem(NAME, JSON.stringify(kept().filter((other) => other.gtin !== one.gtin || other.lot !== one.lot)));
    show();
  });
  row.append(link, forget);
  verdictOf(one).then(([tone, said]) => {
    link.className = `verdict ${tone}`;
    words.textContent = said;
    // What must not be eaten stands on top.
    row.style.order = { bad: -2, warn: -1 }[tone] ?? 0;
  });
  return row;
}

function show() {
  list.replaceChildren(...kept().map(item));
  document.getElementById("none").hidden = kept().length > 0;
}

if (list) show();
// What was compared an hour ago is compared anew when somebody looks.
document.addEventListener("visibilitychange", () => list && !document.hidden && show());
