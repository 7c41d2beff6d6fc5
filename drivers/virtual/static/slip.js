// Draws slips on the printer's grid, for the roll page and for the desk.
export const words = JSON.parse(document.body.dataset.words);
export const say = (key, values = {}) => words[key].replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");

export function element(tag, className, text) {
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

export function slipElements(slip, base = "") {
  const label = element("div", "slip-label");
  label.append(element("span", "", slip.index ? say("roll.slip", { index: slip.index }) : say("roll.printing")));
  if (slip.reprint) label.append(element("strong", "reprint", say("roll.reprint")));
  if (slip.index) {
    const link = element("a", "", say("roll.picture"));
    link.href = `${base}/api/slips/${slip.index}.png`;
    label.append(link);
  }
  const paper = element("article", slip.complete || !slip.index ? "slip" : "slip torn");
  paper.append(...slip.rows.map(rowElement));
  const after = [];
  if (slip.drawer_pulses) after.push(element("p", "drawer-event", say("roll.drawer", { count: slip.drawer_pulses })));
  if (slip.complete) after.push(element("p", "cut", say("roll.cut")));
  else if (slip.index) after.push(element("p", "broken", say("roll.incomplete")));
  const group = element("section", "printed");
  group.dataset.index = slip.index ?? "open";
  group.append(label, paper, ...after);
  return group;
}
