// Says on the way in what is recalled now, also where the page has been open since yesterday.

const EVERY_MS = 60_000;

async function renew() {
  const here = document.getElementById("recalls-now");
  try {
    const answer = await fetch(location.href, { cache: "no-cache" });
    if (!answer.ok) throw new Error(`${answer.status}`);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("recalls-now");
    if (fresh.textContent !== here.textContent) here.replaceWith(fresh);
  } catch {
    const none = here.querySelector("[data-none]");
    if (!none) return;
    none.className = "say warn";
    none.textContent = here.dataset.unknown;
  }
}

setInterval(() => document.hidden || renew(), EVERY_MS);
document.addEventListener("visibilitychange", () => document.hidden || renew());
