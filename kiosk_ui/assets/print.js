// A page that is made for paper offers to print it, where scripts run at all.
const button = document.getElementById("print");
button.hidden = false;
button.addEventListener("click", () => window.print());
