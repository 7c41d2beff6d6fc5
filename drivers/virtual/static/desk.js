// The desk, live: a card for each device, its own doors, its switches; everything by keyboard and by touch.
import { element, say, slipElements, words } from "./slip.js";

const SLIPS_SHOWN = 2;
const SAMPLES = {
  dish: "6901234567892", wechat: "134567890123456789", alipay: "28763443825664394", member: "M6000123",
  invite: "HTTPS://HQ.EXAMPLE/J/ABCDE-FGHJK", staff: "S9001",
};
const devices = document.getElementById("devices");
const status = document.getElementById("status");
const notice = document.getElementById("notice");
const cards = new Map();

async function act(device, action, value = null) {
  notice.hidden = true;
  let message = say("state.page_away");
  try {
    const lang = new URLSearchParams(location.search).get("lang");
    const where = `/api/devices/${device.kind}/${device.name}/${action}${lang ? `?lang=${lang}` : ""}`;
    const answer = await fetch(where, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ value }) });
    if (answer.ok) return;
    message = (await answer.json()).message;
  } catch { /* the desk is away: the sentence above says so */ }
  notice.textContent = say("fault.failed", { message });
  notice.hidden = false;
}

function button(text, does, className = "key") {
  const made = element("button", className, text);
  made.type = "button";
  made.addEventListener("click", does);
  return made;
}

function line(...parts) {
  const made = element("div", "line");
  made.append(...parts);
  return made;
}

function field(label, type = "text") {
  const made = element("input");
  made.type = type;
  made.setAttribute("aria-label", label);
  made.autocomplete = "off";
  return made;
}

function form(input, go, does) {
  const made = element("form", "line");
  const key = element("button", "key go", go);
  made.append(input, key);
  made.addEventListener("submit", (event) => { event.preventDefault(); if (input.value) does(input.value); });
  return made;
}

// ------------------------------------------------------------------------------------------------- what each kind shows
function printerBody(device, body) {
  const base = `/printer/${device.name}`;
  const roll = element("div", "roll");
  const link = element("a", "key", say("desk.whole_roll"));
  link.href = `${base}/`;
  const facts = element("p", "where");
  body.append(roll, facts, line(
    link,
    button(say("desk.close_drawer"), () => act(device, "close_drawer")),
    button(say("desk.power_cycle"), () => act(device, "power_cycle")),
  ));
  let drawn = "";
  return async (now) => {
    facts.textContent = say("desk.printer_facts", { slips: now.slips, waiting: now.buffered_bytes, pulses: now.drawer_pulses });
    const mark = `${now.slips} ${now.accepted_bytes} ${now.buffered_bytes}`;
    if (mark === drawn) return;
    drawn = mark;
    try {
      const { slips, state } = await (await fetch(`${base}/api/roll?last=${SLIPS_SHOWN}`)).json();
      roll.style.setProperty("--columns", now.columns);
      const open = state.open_rows.length ? [slipElements({ rows: state.open_rows }, base)] : [];
      const done = slips.reverse().map((slip) => slipElements(slip, base));
      roll.replaceChildren(...open, ...done);
      if (!roll.children.length) roll.append(element("p", "empty", say("roll.empty")));
    } catch { drawn = ""; }
  };
}

function history(body) {
  const list = element("ul", "history");
  body.append(list);
  return (now) => list.replaceChildren(...now.history.map((entry) => element("li", "", say(`did.${entry.what}`, { text: entry.what === "swipe" ? words[`card.${entry.text}`] : entry.text }))));
}

function scannerBody(device, body) {
  const code = field(say("desk.code"));
  code.maxLength = 4096;
  body.append(
    form(code, say("desk.scan"), (text) => act(device, "scan", text)),
    line(
      ...Object.entries(SAMPLES).map(([name, text]) => button(say(`sample.${name}`), () => act(device, "scan", text))),
      button(say("desk.garbage"), () => act(device, "garbage")),
    ),
  );
  return history(body);
}

function stripeBody(device, body) {
  const number = field(say("desk.card_number"));
  body.append(
    line(...device.cards.map((card) => button(say(`card.${card}`), () => act(device, "swipe", card)))),
    form(number, say("desk.swipe"), (text) => act(device, "swipe", text)),
  );
  return history(body);
}

function contactlessBody(device, body) {
  const uid = field(say("desk.uid"));
  uid.value = "04A2B3C4D5E680";
  body.append(
    form(uid, say("desk.tap"), (text) => act(device, "tap", text)),
    line(
      button(say("desk.card_in"), () => act(device, "card_in", uid.value)),
      button(say("desk.card_out"), () => act(device, "card_out")),
      button(say("desk.restart"), () => act(device, "restart")),
    ),
  );
  return history(body);
}

function scaleBody(device, body) {
  const weight = element("p", "weight");
  const slider = field(say("desk.load"), "range");
  slider.max = device.faults.capacity_g;
  slider.step = 5;
  const grams = field(say("desk.load"), "number");
  grams.step = "any";
  slider.addEventListener("change", () => act(device, "load", Number(slider.value)));
  body.append(
    weight, line(slider),
    form(grams, say("desk.load"), (text) => act(device, "load", Number(text))),
    line(
      button(say("desk.empty"), () => act(device, "load", 0)),
      button(say("desk.zero"), () => act(device, "zero")),
      button(say("desk.tare"), () => act(device, "tare")),
    ),
  );
  return (now) => {
    weight.textContent = `${now.shown_g.toLocaleString("en")} g`;
    weight.classList.toggle("moving", !now.stable);
    if (document.activeElement !== slider) slider.value = now.load_g;
    if (document.activeElement !== grams) grams.value = now.load_g;
  };
}

function displayBody(device, body) {
  const glass = element("pre", "glass");
  const facts = element("p", "where");
  body.append(glass, facts);
  return (now) => {
    glass.textContent = now.lines.filter((text, at) => text || !at || now.dialect !== "led8").join("\n");
    facts.textContent = now.lamp ? say(`lamp.${now.lamp}`) : "";
  };
}

function bodyOf(device) {
  if (device.kind === "card_reader") return device.type === "nfc" ? contactlessBody : stripeBody;
  return { printer: printerBody, scanner: scannerBody, scale: scaleBody, display: displayBody }[device.kind];
}

// ------------------------------------------------------------------------------------------------------------- switches
function menuRow(device, row) {
  const item = element("li");
  const move = (value) => act(device, "fault", { [row.name]: value });
  if (row.kind === "switch") {
    const key = button("", () => move(key.getAttribute("aria-checked") !== "true"), "key switch");
    key.setAttribute("role", "switch");
    key.dataset.fault = row.name;
    const onoff = element("span", "onoff");
    key.append(element("span", "", say(row.words_key)), onoff);
    item.append(key);
    return [item, (value) => { key.setAttribute("aria-checked", String(value)); onoff.textContent = say(value ? "fault.on" : "fault.off"); }];
  }
  const box = element("div", "number");
  const label = element("label", "", say(row.words_key));
  label.htmlFor = `${device.kind}-${device.name}-${row.name}`;
  const input = row.kind === "choice" ? element("select") : element("input");
  input.id = label.htmlFor;
  if (row.kind === "choice") {
    for (const choice of row.choices) input.append(new Option(choice, choice));
    input.addEventListener("change", () => move(input.value));
    box.append(label, input);
  } else {
    input.type = row.kind;
    if (row.kind === "number") { input.min = row.minimum; input.max = row.maximum; } else input.maxLength = 40;
    const set = button(say("fault.set"), () => move(row.kind === "number" ? Number(input.value) : input.value));
    const usual = row.kind === "number" ? row.usual : "";
    const clear = button(say("fault.clear"), () => move(row.empty ? null : usual));
    box.append(label, input, element("span", "unit", row.unit_key ? say(row.unit_key) : ""), set, clear);
  }
  item.append(box);
  return [item, (value) => { if (document.activeElement !== input) input.value = value ?? ""; }];
}

function cardOf(device) {
  const card = element("article", "device");
  card.id = `${device.kind}/${device.name}`;
  const title = element("h2");
  const what = element("span", "what", device.title);
  const state = element("small");
  what.append(state);
  let plugged = device.plugged;
  const plug = button("", () => act(device, plugged ? "unplug" : "replug"));
  title.append(what, plug);
  const body = element("div");
  card.append(title, element("p", "where", device.address), body);
  const show = bodyOf(device)(device, body);
  const list = element("ul", "faults");
  const more = element("details", "more");
  more.append(element("summary", "key", say("fault.title")), list);
  card.append(more);
  const rows = device.menu.map((row) => { const [item, put] = menuRow(device, row); list.append(item); return [row.name, put]; });
  devices.append(card);
  return (now) => {
    plugged = now.plugged;
    card.classList.toggle("out", !plugged);
    plug.textContent = say(plugged ? "desk.unplug" : "desk.replug");
    const where = plugged ? (now.connected ? "desk.in_use" : "desk.idle") : "desk.unplugged";
    state.textContent = `${say(`kind.${device.kind}`)} · ${say(where)}`;
    for (const [name, put] of rows) put(now.faults[name]);
    show(now);
  };
}

function draw(list) {
  status.dataset.state = "here";
  status.querySelector(".word").textContent = say("desk.here", { count: list.length });
  for (const device of list) {
    const key = `${device.kind}/${device.name}`;
    if (!cards.has(key)) cards.set(key, cardOf(device));
    cards.get(key)(device);
  }
}

function away() {
  status.dataset.state = "page_away";
  status.querySelector(".word").textContent = say("state.page_away");
}

let source;
function listen() {
  source?.close();
  source = new EventSource(`/events${location.search}`);
  source.addEventListener("devices", (event) => draw(JSON.parse(event.data).devices));
  source.addEventListener("error", () => {
    away();
    // The browser tries again by itself unless the answer was a refusal.
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 1000);
  });
}
listen();
