// The second window: follows what the till shows its guest. It asks nothing, keeps nothing, and says so when the till is away.

import { BASE } from "../base.js";

const AGAIN_MS = 5000;
const SILENCE_MS = 40000;
const byId = (id) => document.getElementById(id);
const dark = matchMedia("(prefers-color-scheme: dark)");
let words = { zh: {}, en: {} };
let silence = 0;

function el(tag, attrs, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attrs)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function applyTheme() {
  document.documentElement.dataset.theme = dark.matches ? "dark" : "light";
}

/** Both languages in one row. */
function both(key) {
  return [words.zh[key], words.en[key]].filter(Boolean).join(" ");
}

/** 123456 -> "1,234.56" */
function amount(fen) {
  return String(Math.floor(fen / 100)).replace(/\B(?=(\d{3})+$)/g, ",") + "." + String(fen % 100).padStart(2, "0");
}

function row(line, now) {
  const name = el("span", {}, line.name.zh || line.name.en);
  if (line.name.en && line.name.en !== line.name.zh) name.append(el("small", { lang: "en" }, line.name.en));
  return el("li", now ? { class: "now" } : {}, el("b", {}, String(line.qty)), name, el("b", { "data-testid": "amount" }, amount(line.amount_fen)));
}

function sum(key, fen, main) {
  return el("p", main ? { class: "main" } : {}, el("span", {}, both(key)), el("strong", { "data-testid": key.replace("display.", "sum-") }, amount(fen)));
}

function sumsOf(view) {
  if (view.show === "item") return [sum("display.total", view.total_fen, true)];
  if (view.show === "total") return [sum("display.due", view.total_fen, true)];
  if (view.show !== "change") return [];
  return [sum("display.total", view.total_fen), sum("display.received", view.received_fen), sum("display.change", view.change_fen, true)];
}

function show(view) {
  document.body.dataset.show = view.show;
  const welcome = view.show === "welcome" ? "welcome" : view.show === "change" && !view.lines.length ? "thanks" : "";
  byId("welcome").hidden = !welcome;
  if (welcome) byId("welcome").replaceChildren(words.zh["display." + welcome], el("span", { lang: "en" }, words.en["display." + welcome]));
  const same = (line) => line.name.zh === view.name.zh && line.name.en === view.name.en && line.qty === view.qty && line.amount_fen === view.amount_fen;
  const now = view.show === "item" && view.name ? view.lines.findLastIndex(same) : -1;
  const rows = view.lines.map((line, place) => row(line, place === now));
  if (view.show === "item" && view.name && now < 0) rows.push(row(view, true));
  byId("lines").replaceChildren(...rows);
  byId("sums").replaceChildren(...sumsOf(view));
  (byId("lines").querySelector(".now") ?? byId("lines").lastElementChild)?.scrollIntoView({ block: "end" });
}

function away(isAway) {
  byId("away").hidden = !isAway;
  byId("away").textContent = isAway ? both("display.away") : "";
}

/** A line that is open but says nothing, not even a beat, is as good as none. */
function heard() {
  away(false);
  clearTimeout(silence);
  silence = setTimeout(() => away(true), SILENCE_MS);
}

function follow() {
  const source = new EventSource(BASE + "/api/v1/display/events?till=" + encodeURIComponent(document.documentElement.dataset.till));
  source.addEventListener("open", heard);
  source.addEventListener("beat", heard);
  source.addEventListener("store", (event) => {
    const name = JSON.parse(event.data);
    byId("store").textContent = [name.zh, name.en].filter(Boolean).join(" · ");
  });
  source.addEventListener("show", (event) => {
    heard();
    show(JSON.parse(event.data));
  });
  source.addEventListener("error", () => {
    away(true);
    // Refused (no seat left) closes it for good; a broken line opens again by itself.
    if (source.readyState === EventSource.CLOSED) setTimeout(follow, AGAIN_MS);
  });
  addEventListener("pagehide", () => source.close(), { once: true });
}

async function start() {
  applyTheme();
  dark.addEventListener("change", applyTheme);
  for (;;) {
    try {
      const answer = await fetch(BASE + "/api/v1/words");
      if (answer.ok) {
        words = await answer.json();
        break;
      }
    } catch {
      // Nobody there yet; it asks again.
    }
    await new Promise((resolve) => { setTimeout(resolve, AGAIN_MS); });
  }
  document.title = both("display.title");
  follow();
}

start();
