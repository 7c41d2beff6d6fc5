// What every console page has: keys, the clock, the notice when the hub does not answer. The pages work without it.

const clock = document.getElementById("clock");
const search = document.getElementById("search");
const notice = document.getElementById("hub-silent");

function typing(target) {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName));
}

function stepRows(step) {
  const rows = [...document.querySelectorAll("a[data-row]")];
  if (rows.length === 0) return false;
  const at = rows.indexOf(document.activeElement);
  const next = at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + step));
  rows[next].focus();
  rows[next].scrollIntoView({ block: "nearest" });
  return true;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.key === "Escape" && document.activeElement === search) search.blur();
  if (typing(event.target)) return;
  if (event.key === "/" && search) {
    event.preventDefault();
    search.focus();
    search.select();
    return;
  }
  const key = event.key.toLowerCase();
  if (key !== "j" && key !== "k") return;
  const link = document.querySelector(`a[data-step="${key}"]`);
  if (link) {
    event.preventDefault();
    link.click();
  } else if (stepRows(key === "j" ? 1 : -1)) {
    event.preventDefault();
  }
});

for (const form of document.querySelectorAll("form[data-submit-on-change]")) {
  form.addEventListener("change", () => form.requestSubmit());
}

// --- the clock shows the hub's time in the stores' zone, not the device's ---
if (clock) {
  const ahead = Date.parse(clock.dateTime) - Date.now();
  const face = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: clock.dataset.zone });
  const tick = () => { clock.textContent = face.format(new Date(Date.now() + ahead)); };
  tick();
  setInterval(tick, 1000);
}

// --- figures that could not be fetched again stay, grey, with their time ---
let heard = clock ? clock.textContent : "";
function silent() {
  if (!notice) return;
  document.documentElement.classList.add("silent");
  notice.textContent = notice.dataset.sentence.replace("{time}", heard);
  notice.hidden = false;
}
function answered() {
  if (clock) heard = clock.textContent;
  document.documentElement.classList.remove("silent");
  if (notice) notice.hidden = true;
}
document.addEventListener("htmx:sendError", silent);
document.addEventListener("htmx:timeout", silent);
document.addEventListener("htmx:responseError", silent);
document.addEventListener("htmx:afterOnLoad", answered);
