// Scan to order: the menu of the table whose code was scanned, a basket, and what became of it. Works by the node alone.

import { useCurrency, money } from "../till/money.js";
import { Basket, LINES_MAX } from "./basket.js";
import { basketPage, dishPage, el, errorText, menuPage, speak, t } from "./draw.js";

const LOOK_MS = 4000;
const QUIET_LOOK_MS = 20000;
const PATIENCE_MS = 8000;

const view = document.getElementById("view");
const foot = document.getElementById("foot");
const said = document.getElementById("said");
const words = JSON.parse(document.getElementById("words").textContent);
const here = location.pathname;
const basket = new Basket(here.slice(-24));
let menu = null;
let dish = null;
let sending = false;
let look_timer = 0;
let language = document.documentElement.lang === "en" ? "en" : "zh";

async function ask(path, body) {
  const headers = { "Accept-Language": language === "en" ? "en" : "zh-CN" };
  if (body) headers["Content-Type"] = "application/json";
  const answer = await fetch(here + path, { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body), signal: AbortSignal.timeout(PATIENCE_MS), credentials: "omit" });
  const told = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(told.code), { refused: told.status < 500 && told.code !== "too_often", code: told.code });
  return told;
}

function say(text) {
  said.textContent = text;
}

function draw() {
  const page = location.hash === "#basket" ? "basket" : dish && location.hash === "#dish" ? "dish" : "menu";
  document.body.dataset.page = page;
  if (page === "basket") view.replaceChildren(...basketPage(basket, { qty: (id, qty) => { basket.setQty(id, qty); draw(); } }));
  else if (page === "dish") view.replaceChildren(...dishPage(dish, menu, (chosen) => { take(dish, chosen); history.back(); }));
  else view.replaceChildren(...menuPage(document.body.dataset.table, menu, basket, pick).flat());
  drawFoot(page);
}

function drawFoot(page) {
  const keys = [];
  if (page !== "menu") keys.push(el("a", { class: "key", href: "#menu", testid: "to-menu", text: t("to_menu") }));
  if (page === "dish") keys.push(el("button", { class: "key primary", testid: "take", onclick: () => document.getElementById("choices").requestSubmit(), text: t("take") }));
  if (page === "basket" && basket.lines.length) keys.push(el("button", { class: "key primary", testid: "ask", disabled: sending, onclick: send, text: t(basket.pending && !sending ? "again" : sending ? "asking" : "ask") }));
  if (page === "menu" && (basket.qty || basket.asked.length)) keys.push(el("a", { class: "key primary", href: "#basket", testid: "to-basket", text: basket.qty ? t("see_basket", { n: basket.qty, total: money(basket.total_fen) }) : t("see_asked") }));
  foot.replaceChildren(...keys);
}

function pick(chosen_dish) {
  if (basket.pending) {
    say(t("still_asking"));
    return;
  }
  if (chosen_dish.modifier_groups.length || chosen_dish.parts.some((part) => part.min !== part.choices.length)) {
    dish = chosen_dish;
    location.hash = "#dish";
    return;
  }
  take(chosen_dish, { modifiers: [], parts: [], note: "", unit_fen: chosen_dish.price_fen, said: [] });
  const at = scrollY;
  draw();
  scrollTo(0, at);
  document.querySelector(`[data-testid="add-${chosen_dish.id}"]`)?.focus({ preventScroll: true });
}

function take(chosen_dish, chosen) {
  say(basket.add(chosen_dish, chosen) ? "" : t("full", { n: LINES_MAX }));
}

async function send() {
  if (sending) return;
  sending = true;
  say("");
  draw();
  try {
    const answer = await ask("/ask", basket.request());
    basket.answered(answer);
    lookSoon();
    const left = answer.lines.find((line) => !line.taken);
    say(left ? errorText(left.code) : t("taken"));
    if (left) await loadMenu();
  } catch (error) {
    // A refusal is final and nothing was kept; silence is not known, and is asked again under the same id.
    if (error.refused) {
      basket.refused();
      say(errorText(error.code));
      await loadMenu().catch(() => {});
    } else say(error.code === "too_often" ? errorText(error.code) : t("unanswered"));
  }
  sending = false;
  draw();
}

async function look() {
  const open = basket.asked.filter((line) => ["waiting", "taken", "kitchen"].includes(line.state));
  const orders = [...new Set(open.map((line) => line.order_id))];
  for (const order_id of orders) {
    try {
      const told = await ask("/asked", { order_id, line_ids: open.filter((line) => line.order_id === order_id).map((line) => line.line_id) });
      if (basket.heard(told.lines) && location.hash === "#basket" && !sending) draw();
    } catch {
      // It is asked again soon; what was known stays on the page.
    }
  }
  lookSoon();
}

function lookSoon() {
  clearTimeout(look_timer);
  const waits = basket.asked.some((line) => line.state === "waiting");
  look_timer = setTimeout(look, waits ? LOOK_MS : QUIET_LOOK_MS);
}

async function loadMenu() {
  const told = await ask("/menu");
  useCurrency(told.currency);
  menu = { ...told, dishes: told.dishes.map((each) => ({ ...each, modifier_groups: each.modifier_groups || [], parts: each.parts || [], left: each.left ?? -1 })) };
}

function relabel() {
  speak(words, language);
  document.getElementById("store").textContent = document.body.dataset[language === "en" ? "storeEn" : "storeZh"];
  document.getElementById("language").textContent = t("other_language");
}

async function start() {
  if (matchMedia("(prefers-color-scheme: dark)").matches) document.documentElement.dataset.theme = "dark";
  relabel();
  document.getElementById("language").addEventListener("click", () => {
    language = language === "en" ? "zh" : "en";
    relabel();
    if (menu) draw();
    else fail(document.body.dataset.code);
  });
  if (document.body.dataset.code) {
    fail(document.body.dataset.code);
    return;
  }
  try {
    await loadMenu();
  } catch (error) {
    document.body.dataset.code = error.code || "unanswered";
    fail(document.body.dataset.code);
    return;
  }
  addEventListener("hashchange", () => { say(""); if (!location.hash.startsWith("#page-")) { draw(); scrollTo(0, 0); } });
  draw();
  look();
}

function fail(code) {
  view.replaceChildren(el("h1", { text: t("cannot") }), el("p", { text: code === "unanswered" ? t("unanswered") : errorText(code), testid: "failed" }), el("button", { class: "key primary", onclick: () => location.reload(), text: t("again") }));
}

start();
