// The paper roll, live: draws slips on the printer's grid, moves the fault switches, says when the twin is away.
const words = JSON.parse(document.body.dataset.words);
const shown = Number(document.body.dataset.shown);
const roll = document.getElementById("roll");
const empty = document.getElementById("empty");
const status = document.getElementById("status");
const notice = document.getElementById("notice");
roll.style.setProperty("--columns", document.body.dataset.columns);

const say = (key, values = {}) => words[key].replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function runElement(run) {
  const made = element("span", "run");
  if (run.bold) made.classList.add("bold");
  if (run.underline) made.classList.add("underline");
  if (run.inverse) made.classList.add("inverse");
  // Hanzi stand each on a cell of their own, so a column stays a column whatever font the machine has.
  if (run.wide) for (const character of run.text) made.append(element("i", "cell", character));
  else made.textContent = run.text;
  if (run.width === 2 && run.height === 2) made.classList.add("double");
  else if (run.width !== 1 || run.height !== 1) {
    const cells = [...run.text].length * (run.wide ? 2 : 1);
    made.classList.add("stretched");
    made.style.transform = `scale(${run.width}, ${run.height})`;
    made.style.width = `${cells}ch`;
    made.style.marginRight = `${cells * (run.width - 1)}ch`;
  }
  return made;
}

function qrElement(row) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const size = row.matrix.length;
  svg.setAttribute("viewBox", `0 0 ${size} ${size}`);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", say("roll.qr", { data: row.data }));
  svg.setAttribute("shape-rendering", "crispEdges");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  let outline = "";
  row.matrix.forEach((line, y) => { [...line].forEach((dark, x) => { if (dark === "1") outline += `M${x} ${y}h1v1h-1z`; }); });
  path.setAttribute("d", outline);
  path.setAttribute("fill", "currentColor");
  svg.append(path);
  svg.style.setProperty("--across", size * row.module_dots);
  svg.style.setProperty("--down", size * row.module_dots);
  return svg;
}

function rasterElement(row) {
  const canvas = element("canvas");
  canvas.width = row.width;
  canvas.height = row.height;
  canvas.style.setProperty("--across", row.width * row.scale_x);
  canvas.style.setProperty("--down", row.height * row.scale_y);
  const dots = atob(row.dots_b64);
  const context = canvas.getContext("2d");
  for (let at = 0; at < dots.length * 8; at += 1) {
    if (dots.charCodeAt(at >> 3) & (0x80 >> (at & 7))) context.fillRect(at % row.width, Math.floor(at / row.width), 1, 1);
  }
  return canvas;
}

function rowElement(row) {
  if (row.kind === "text") {
    const made = element("div", `row ${row.align}`);
    made.style.setProperty("--height", row.height_dots);
    made.append(...row.runs.map(runElement));
    return made;
  }
  if (row.kind === "blank") {
    const made = element("div", "blank");
    made.style.setProperty("--height", row.height_dots);
    return made;
  }
  if (row.kind === "qr" || row.kind === "raster") {
    const made = element("div", `picture ${row.align}`);
    made.append(row.kind === "qr" ? qrElement(row) : rasterElement(row));
    return made;
  }
  return element("div", "odd", say(`roll.${row.kind}`, { detail: row.detail }));
}

function slipElements(slip) {
  const label = element("div", "slip-label");
  label.append(element("span", "", slip.index ? say("roll.slip", { index: slip.index }) : say("roll.printing")));
  if (slip.reprint) label.append(element("strong", "reprint", say("roll.reprint")));
  if (slip.index) {
    const link = element("a", "", say("roll.picture"));
    link.href = `/api/slips/${slip.index}.png`;
    label.append(link);
  }
  const paper = element("article", slip.complete || !slip.index ? "slip" : "slip torn");
  paper.append(...slip.rows.map(rowElement));
  const broken = slip.complete || !slip.index ? [] : [element("p", "broken", say("roll.incomplete"))];
  const group = element("section", "printed");
  group.dataset.index = slip.index ?? "open";
  group.append(label, paper, ...broken);
  return group;
}

let newest = 0;
function addSlip(slip) {
  if (slip.index <= newest) return;
  newest = slip.index;
  roll.querySelector('[data-index="open"]')?.remove();
  roll.prepend(slipElements(slip));
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
    if (document.activeElement !== field) field.value = state.faults[field.dataset.number] || (field.dataset.number === "die_at_byte" ? state.faults.die_at_byte ?? "" : 0);
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
    const answer = await fetch("/api/faults", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(change) });
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
  else if (set) move({ [set]: Number(document.querySelector(`[data-number="${set}"]`).value) });
  else if (clear) move({ [clear]: clear === "die_at_byte" ? null : 0 });
});

let source;
async function start() {
  try {
    const first = await (await fetch(`/api/roll?last=${shown}`)).json();
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
  source = new EventSource(`/events?after=${newest}`);
  source.addEventListener("slip", (event) => addSlip(JSON.parse(event.data)));
  source.addEventListener("state", (event) => showState(JSON.parse(event.data)));
  source.addEventListener("error", () => {
    showStatus("page_away");
    // The browser tries again by itself unless the answer was a refusal.
    if (source.readyState === EventSource.CLOSED) setTimeout(start, 1000);
  });
}
start();
