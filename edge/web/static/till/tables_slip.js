// The slip while an order lies in it: its lines, what is not at the kitchen yet, what guests asked for, its total and keys.

import { byId, el, setDisabled, setHidden, setText } from "./dom.js";
import { fit } from "./figures.js";
import { amount, money } from "./money.js";
import { since } from "./plan_tile.js";
import { countText, drawTaken } from "./slip.js";
import { kilograms } from "./weights.js";
import { nameOf, t } from "./words.js";
import { clockOf } from "../wall_clock.js";

const TOTAL_STEPS_PX = [48, 40, 34, 28];

function isStruck(line) {
  return line.qty === 0 && !line.waits;
}

function endOf(line) {
  return t(line.declined ? "tables.declined" : line.moved ? "tables.moved" : line.paid ? "tables.paid" : "tables.voided");
}

function smallOf(app, line) {
  const words = [];
  if (isStruck(line)) return "";
  if (line.waits) words.push(t("tables.waits"));
  else if (line.sending) words.push(t("tables.sending"));
  else if (line.unsent) words.push(line.unsent === line.qty ? t("tables.unsent") : t("tables.unsent_some", { n: line.unsent }));
  else if (line.held) words.push(t("tables.held"));
  else if (line.done) words.push(t("tables.served"));
  else if (line.chased) words.push(t("tables.chased"));
  if (line.gift) words.push(t("tables.gift"));
  if (line.rate_bp) words.push(`\u2212${line.rate_bp / 100}%`);
  if (line.discount_fen) words.push(`\u2212${amount(line.discount_fen)}`);
  if (line.weight_g) words.push(kilograms(line.weight_g));
  else if (line.qty > 1) words.push("@" + amount(Math.round(line.amount_fen / line.qty)));
  words.push(...line.modifier_names.map((name) => nameOf(name)));
  for (const part of line.parts) words.push(nameOf(part.name ?? app.menu?.byId.get(part.dish_id)?.name ?? { zh: part.dish_id, en: part.dish_id }));
  if (line.seat) words.push(t("tables.seat_n", { n: line.seat }));
  if (line.course) words.push(t("tables.course_n", { n: line.course }));
  if (line.note) words.push(line.note);
  return words.join("\u00b7");
}

/** A row as SlipLines draws it. */
function rowOf(app, line) {
  const css = ["order-line", line.unsent || line.sending ? "unsent" : "", line.waits ? "waits" : "", isStruck(line) ? "struck" : ""].filter(Boolean).join(" ");
  return { key: line.key, dish_id: line.dish_id, name: line.name, qty: line.qty || line.voided, shown: { amount: isStruck(line) ? endOf(line) : amount(line.gift ? 0 : line.amount_fen), small: smallOf(app, line), css, struck: isStruck(line) } };
}

export function drawOrderSlip(app) {
  const { tab } = app;
  const now = tab.now();
  const rows = now.lines.map((line) => rowOf(app, line));
  const cart = { lines: rows, chosen: tab.line()?.key ?? null };
  app.lines.show(app.menu, cart, app.view === "pay");
  const quantities = new Map();
  for (const line of now.lines) if (line.qty) quantities.set(line.dish_id, (quantities.get(line.dish_id) || 0) + line.qty);
  if (app.menu) app.tiles.count(quantities, app.menu);
  const line = tab.line();
  app.chips.show(line ? app.menu?.byId.get(line.dish_id) : null, line);
  app.finder.hint();
  drawHead(app, now);
  drawKeys(app, line);
  drawWaiting(app, now);
  if (app.view === "pay") app.paying.drawFoot();
  else drawFoot(app, now);
  app.lines.follow(cart);
}

function drawHead(app, { head }) {
  const { tab } = app;
  const area = app.plan.table(head.table)?.area;
  setText(byId("slip-title"), tab.title());
  const opened = clockOf(head.opened_ms || Date.now());
  const what = [area ? nameOf(area.name) : "", head.covers ? t("tables.guests", { n: head.covers }) : "", t("service." + (head.service ?? "counter"))].filter(Boolean).join("\u00b7");
  const facts = [what, head.opened_ms ? `${t("tables.opened_at", { time: opened })}\u00b7${since(head.opened_ms)}` : t("tables.opening")];
  byId("slip-order").replaceChildren(...facts.map((text) => el("span", { text })));
  const said = [head.allergies ? t("tables.allergies_are", { text: head.allergies }) : "", head.note ? t("tables.note_is", { text: head.note }) : ""].filter(Boolean).join("\n");
  setText(byId("slip-avoid"), said);
  byId("slip-avoid").classList.toggle("allergy", Boolean(head.allergies));
  setHidden(byId("slip-avoid"), !said);
  setHidden(byId("last-sale"), true);
  const late = tab.steps.late || app.node_away ? tab.steps.of(tab.order_id).length : 0;
  setText(byId("slip-sending"), late ? t("tables.on_its_way", { n: late }) : "");
  setHidden(byId("slip-sending"), !late);
  byId("slip").dataset.state = "open";
  byId("slip").dataset.waiting = String(tab.steps.of(tab.order_id).length);
  byId("lines").dataset.empty = t("slip.empty");
}

function drawKeys(app, line) {
  const off = !line || line.waits || app.view === "pay";
  setText(byId("line-qty"), line ? (line.weight_g ? kilograms(line.weight_g) : String(line.qty)) : "");
  byId("line-qty").classList.toggle("weight", Boolean(line?.weight_g));
  setDisabled(byId("line-less"), off || !line.free);
  setDisabled(byId("line-more"), off || Boolean(line.per_g));
  setDisabled(byId("line-remove"), off);
  setDisabled(byId("line-sheet"), off);
  setHidden(byId("line-keys"), app.view !== "order");
}

function drawWaiting(app, { lines }) {
  const waiting = lines.filter((line) => line.waits).length;
  setHidden(byId("slip-waiting"), !waiting || app.view === "pay");
  if (waiting) setText(byId("slip-waiting-says"), t("tables.guests_ask", { n: waiting }));
}

function drawFoot(app, { lines, total_fen, adjustments }) {
  const { tab } = app;
  const unsent = tab.unsent();
  const open = lines.filter((line) => line.qty > 0);
  const sums = new Map();
  for (const one of adjustments) sums.set(one.kind, (sums.get(one.kind) ?? 0) + one.amount_fen);
  const left_fen = drawTaken([...sums].map(([kind, fen]) => [t("adjust." + kind), fen]), total_fen, app.paying.ways.takenFen(tab.order_id));
  setText(byId("slip-count"), open.length ? countText(open.length, open.reduce((sum, line) => sum + line.qty, 0)) : "");
  const blocked = app.paying.blocked({});
  setText(byId("slip-blocked"), blocked && open.length ? t(blocked) : unsent ? t("tables.unsent_n", { n: unsent }) : "");
  byId("slip-blocked").classList.toggle("calm", !blocked && unsent > 0);
  setText(byId("slip-total-word"), t("slip.total"));
  fit(byId("total"), money(total_fen), TOTAL_STEPS_PX);
  setText(byId("exact-amount"), money(left_fen));
  setHidden(byId("exact-cash"), false);
  setHidden(byId("pay"), false);
  setHidden(byId("finish"), true);
  const nothing = !open.some((line) => line.left_qty > 0);
  setDisabled(byId("exact-cash"), nothing || Boolean(blocked));
  setDisabled(byId("pay"), nothing || Boolean(blocked));
  setText(byId("slip-bar-count"), `${tab.title()}\u00b7${countText(open.length, open.reduce((sum, line) => sum + line.qty, 0))}`);
  setText(byId("slip-bar-total"), money(total_fen));
}
