// The kitchen screen: tickets as cards in fixed columns, a digit settles one, 0 brings back the last. A digit stays with its ticket until
// that is done, so that another screen's deed never changes what the finger is about to press.
import { BASE } from "../base.js";
import { icon } from "../till/dom.js";
import { deed, follow } from "./link.js";
import { card, el, keyOf, nameOf, waited } from "./ticket.js";
import { clockOf } from "../wall_clock.js";

const DIGITS = 9;
const MINUTE_MS = 60000;
const COLUMN_PX = 250;
const LANG_KEY = "zhanggui.kitchen.lang";
const byId = (id) => document.getElementById(id);
const dark = matchMedia("(prefers-color-scheme: dark)");
const station = document.documentElement.dataset.station;
const digits = new Map();
const pressed = new Set();
let words = { zh: {}, en: {} };
let view = null;
let ahead = 0;
let told = 0;
// One deed after the other, so that what is brought back is the ticket that was settled last, however fast the keys come.
let deeds = Promise.resolve();
let isAway = false;

function say(key, filled = {}) {
  const text = words[say.lang][key] ?? words.zh[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (_whole, name) => String(filled[name] ?? ""));
}
say.lang = localStorage.getItem(LANG_KEY) ?? (navigator.language.startsWith("zh") ? "zh" : "en");

function applyTheme() {
  document.documentElement.dataset.theme = dark.matches ? "dark" : "light";
}

function nodeNow() {
  return Date.now() + ahead;
}

function giveDigits(tickets) {
  const here = new Set(tickets.map(keyOf));
  for (const key of digits.keys()) if (!here.has(key)) digits.delete(key);
  for (const key of pressed) if (!here.has(key)) pressed.delete(key);
  for (const ticket of tickets) {
    const key = keyOf(ticket);
    if (digits.has(key)) continue;
    const taken = new Set(digits.values());
    for (let digit = 1; digit <= DIGITS; digit += 1) {
      if (!taken.has(digit)) {
        digits.set(key, digit);
        break;
      }
    }
  }
}

function tick() {
  const now = nodeNow();
  byId("clock").textContent = clockOf(now);
  if (!view) return;
  for (const time of document.querySelectorAll("[data-since]")) {
    const since = Number(time.dataset.since);
    if (!since) continue;
    const minutes = (now - since) / MINUTE_MS;
    time.textContent = waited(now - since);
    const late = minutes >= view.late_min ? "late" : minutes >= view.soon_min ? "soon" : "";
    const ticket = time.closest("article");
    if (ticket.dataset.late !== late) {
      ticket.dataset.late = late;
      time.setAttribute("aria-label", time.textContent + " " + (late ? say("kitchen." + late) : ""));
    }
  }
}

function draw() {
  if (!view) return;
  giveDigits(view.tickets);
  const shown = view.tickets.filter((ticket) => !pressed.has(keyOf(ticket)));
  const main = byId("tickets");
  const count = Math.max(1, Math.floor(main.clientWidth / COLUMN_PX));
  const columns = Array.from({ length: count }, () => el("div", { class: "column" }));
  shown.forEach((ticket, place) => columns[place % count].append(card(ticket, digits.get(keyOf(ticket)), say, press)));
  if (!shown.length) columns.splice(0, count, el("p", { class: "empty", "data-testid": "empty" }, say("kitchen.empty")));
  const focused = document.activeElement?.closest?.("article")?.dataset.key;
  main.replaceChildren(...columns);
  if (focused) main.querySelector(`[data-key="${CSS.escape(focused)}"] button`)?.focus();
  byId("station").textContent = station || say("kitchen.all");
  byId("count").replaceChildren(say("kitchen.open"), " ", el("b", {}, String(shown.length + view.more)));
  byId("stations").replaceChildren(...["", ...view.stations].map((name) =>
    el("a", { href: BASE + "/kitchen?station=" + encodeURIComponent(name), "aria-current": name === station ? "page" : null }, name || say("kitchen.all"))));
  byId("sum").replaceChildren(el("span", {}, say("kitchen.to_cook")), ...view.to_cook.map((one) => el("span", {}, nameOf(one.name, say.lang) + " ", el("b", {}, String(one.qty)))));
  byId("legend").replaceChildren(el("span", { class: "soon" }, "◆ " + say("kitchen.soon_from", { min: view.soon_min })), el("span", { class: "late" }, "▲ " + say("kitchen.late_from", { min: view.late_min })));
  byId("back").replaceChildren(el("span", {}, icon("undo"), " ", say("kitchen.back")), el("kbd", {}, "0"));
  byId("back").disabled = !canBringBack();
  byId("lang").textContent = say("kitchen.other_language");
  tick();
}

function tell() {
  byId("state").className = isAway ? "away" : "";
  byId("state").replaceChildren(el("span", { class: "dot" }, isAway ? "○" : "●"), " ", say(isAway ? "kitchen.away" : "kitchen.linked"));
}

async function press(ticket) {
  const key = keyOf(ticket);
  if (pressed.has(key)) return;
  // Gone at once; it comes back by itself where the node says otherwise.
  pressed.add(key);
  draw();
  const line_ids = [...new Set(ticket.items.map((item) => item.line_id))];
  await next(() => deed("bump", { order_id: ticket.order_id, station: ticket.station, round: ticket.round, line_ids }));
  pressed.delete(key);
  refresh();
}

/** What is on its way to the node can be brought back, too. */
function canBringBack() {
  return pressed.size > 0 || view.can_bring_back;
}

async function back() {
  if (!canBringBack()) return;
  await next(() => deed("bring-back", { station }));
  refresh();
}

function next(act) {
  deeds = deeds.then(act);
  return deeds;
}

/** Ask once more where the stream told something meanwhile: an answer from before that must not be shown after it. */
async function refresh() {
  try {
    for (let before = -1; before !== told; ) {
      before = told;
      const answer = await fetch(BASE + "/api/v1/kitchen?station=" + encodeURIComponent(station));
      if (!answer.ok) return;
      const fresh = await answer.json();
      if (before === told) show(fresh);
    }
  } catch {
    // The stream says when the node is away.
  }
}

function show(fresh) {
  view = fresh;
  ahead = fresh.now_ms - Date.now();
  isAway = false;
  tell();
  draw();
}

document.addEventListener("keydown", (event) => {
  if (event.repeat || event.ctrlKey || event.altKey || event.metaKey || !/^[0-9]$/.test(event.key) || !view) return;
  event.preventDefault();
  if (event.key === "0") {
    back();
    return;
  }
  const ticket = view.tickets.find((one) => digits.get(keyOf(one)) === Number(event.key));
  if (ticket) press(ticket);
});
byId("back").addEventListener("click", back);
byId("lang").addEventListener("click", () => {
  say.lang = say.lang === "zh" ? "en" : "zh";
  localStorage.setItem(LANG_KEY, say.lang);
  document.documentElement.lang = say.lang === "zh" ? "zh-CN" : "en";
  tell();
  draw();
});
dark.addEventListener("change", applyTheme);
addEventListener("resize", draw);

applyTheme();
document.documentElement.lang = say.lang === "zh" ? "zh-CN" : "en";
words = await (await fetch(BASE + "/api/v1/words")).json();
setInterval(tick, 1000);
follow(station, {
  show(fresh) {
    told += 1;
    show(fresh);
  },
  beat(nowMs) {
    ahead = nowMs - Date.now();
    isAway = false;
    tell();
  },
  away() {
    isAway = true;
    tell();
  },
});
