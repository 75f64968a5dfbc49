// Keeps what was filled in for whoever comes back from a refusal, in this tab alone; passwords never.
// No page of a person's is cached, so that the browser itself would show an empty form.

const FILLED = "filled-in", REFUSED = "was-refused";
const isKept = (field) => field.name && field.type !== "password" && field.type !== "hidden";

document.addEventListener("submit", ({ target }) => {
  if (target.method !== "post") return;
  const fields = [...target.elements].filter(isKept);
  const values = fields.map(({ id, name, type, value, checked }) => ({ id, name, type, value, checked }));
  sessionStorage.setItem(FILLED, JSON.stringify({ page: location.pathname + location.search, action: target.getAttribute("action"), values }));
});

// To the page it was filled in at: the same form about other goods is another one.
function giveBack({ page, action, values }) {
  const form = page === location.pathname + location.search && [...document.forms].find((one) => one.getAttribute("action") === action);
  if (!form) return;
  for (const { name, type, value, checked } of values) {
    for (const field of form.elements) {
      if (field.name !== name || field.type !== type) continue;
      if (type === "radio" || type === "checkbox") {
        if (field.value === value) field.checked = checked;
      } else field.value = value;
    }
  }
  form.closest("details")?.setAttribute("open", "");
}

if (document.querySelector("[data-refused]")) sessionStorage.setItem(REFUSED, "1");
else {
  const filled = sessionStorage.getItem(FILLED);
  if (filled && sessionStorage.getItem(REFUSED)) giveBack(JSON.parse(filled));
  sessionStorage.removeItem(FILLED);
  sessionStorage.removeItem(REFUSED);
}
