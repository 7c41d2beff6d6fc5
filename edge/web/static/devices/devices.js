// What htmx leaves to do on the device page: say when the node is silent, and keep the focus in a part that was drawn anew.

const away = document.getElementById("away");
let within = null;

document.body.addEventListener("htmx:sendError", () => { if (away) away.hidden = false; });
document.body.addEventListener("htmx:afterRequest", (event) => { if (away && event.detail.successful) away.hidden = true; });

document.addEventListener("focusin", (event) => { within = event.target.closest("[data-part]")?.id ?? null; });
// A key that did its work may be gone with its row: the part takes the focus, so that Tab goes on from there.
document.body.addEventListener("htmx:afterSettle", () => {
  if (within && document.activeElement === document.body) document.getElementById(within)?.focus({ preventScroll: true });
});
