// The paper roll, live: draws slips as they come, moves the fault switches, says when the twin is away.
import { say, slipElements } from "./slip.js";

const { base } = document.body.dataset;
const shown = Number(document.body.dataset.shown);
const roll = document.getElementById("roll");
const empty = document.getElementById("empty");
const status = document.getElementById("status");
const notice = document.getElementById("notice");
roll.style.setProperty("--columns", document.body.dataset.columns);

let newest = 0;
function addSlip(slip) {
  if (slip.index <= newest) return;
  newest = slip.index;
  roll.querySelector('[data-index="open"]')?.remove();
  roll.prepend(slipElements(slip, base));
  const slips = roll.querySelectorAll(".printed");
  for (let at = shown; at < slips.length; at += 1) slips[at].remove();
}

function showState(state) {
  showStatus(state.state);
  for (const fact of document.querySelectorAll("[data-fact]")) {
    const value = state[fact.dataset.fact];
    fact.textContent = typeof value === "boolean" ? say(value ? "state.connected_yes" : "state.connected_no") : value.toLocaleString("en");
  }
  for (const key of document.querySelectorAll("[data-fault]")) {
    const on = state.faults[key.dataset.fault];
    key.setAttribute("aria-checked", String(on));
    key.querySelector(".onoff").textContent = say(on ? "fault.on" : "fault.off");
  }
  for (const field of document.querySelectorAll("[data-number]")) {
    if (document.activeElement !== field) field.value = state.faults[field.dataset.number] ?? "";
  }
  const open = roll.querySelector('[data-index="open"]');
  if (state.open_rows.length) {
    const drawn = slipElements({ rows: state.open_rows });
    if (open) open.replaceWith(drawn); else roll.prepend(drawn);
  } else open?.remove();
  empty.hidden = roll.querySelector(".printed") !== null;
}

function showStatus(name) {
  status.dataset.state = name;
  status.querySelector(".word").textContent = say(`state.${name}`);
}

async function move(change) {
  notice.hidden = true;
  let message = say("state.page_away");
  try {
    const answer = await fetch(`${base}/api/faults`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(change) });
    if (answer.ok) return;
    message = (await answer.json()).message;
  } catch { /* the twin is away: the sentence above says so */ }
  notice.textContent = say("fault.failed", { message });
  notice.hidden = false;
}

document.addEventListener("click", (event) => {
  const key = event.target.closest("button");
  if (!key) return;
  const { fault, set, clear } = key.dataset;
  if (fault) move({ [fault]: key.getAttribute("aria-checked") !== "true" });
  else if (set) {
    const field = document.querySelector(`[data-number="${set}"]`);
    move({ [set]: field.type === "number" ? Number(field.value) : field.value });
  } else if (clear) {
    const field = document.querySelector(`[data-number="${clear}"]`);
    const usual = field.type === "number" ? Number(field.dataset.usual) : "";
    move({ [clear]: field.dataset.empty ? null : usual });
  }
});

let source;
async function start() {
  try {
    const first = await (await fetch(`${base}/api/roll?last=${shown}`)).json();
    first.slips.forEach(addSlip);
    showState(first.state);
    listen();
  } catch {
    showStatus("page_away");
    setTimeout(start, 1000);
  }
}

function listen() {
  source?.close();
  source = new EventSource(`${base}/events?after=${newest}`);
  source.addEventListener("slip", (event) => addSlip(JSON.parse(event.data)));
  source.addEventListener("state", (event) => showState(JSON.parse(event.data)));
  source.addEventListener("error", () => {
    showStatus("page_away");
    // The browser tries again by itself unless the answer was a refusal.
    if (source.readyState === EventSource.CLOSED) setTimeout(start, 1000);
  });
}
start();
