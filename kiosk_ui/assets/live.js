// Takes a new entry into the open lot page, without a reload; the page works without this.
const lot = document.getElementById("lot");
if (lot && "EventSource" in window) {
  const source = new EventSource(lot.dataset.live);
  source.addEventListener("updated", async (event) => {
    const here = document.getElementById("lot");
    if (event.data === here.dataset.updated) return;
    const answer = await fetch(location.href);
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("lot");
    const open = here.querySelector("details")?.open;
    if (!fresh) return;
    here.replaceWith(fresh);
    const details = fresh.querySelector("details");
    if (details && open) details.open = true;
  });
}
