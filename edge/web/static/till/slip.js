// The slip: the lines of the open order and the sale just saved. It never moves, whatever happens left of it.

import { byId, el, setDisabled, setHidden, setText } from "./dom.js";
import { fit } from "./figures.js";
import { lackingGroup, lineFen, unitFen, weightFits } from "./menu.js";
import { amount, money } from "./money.js";
import { kilograms, perText } from "./weights.js";
import { nameOf, t } from "./words.js";

// From this many characters on the total is measured; shorter ones fit every layout, and measuring costs a layout.
const MEASURED_CHARS = 10;
const TOTAL_STEPS_PX = [48, 40, 34, 28];
const CHANGE_STEPS_PX = [60, 48, 40, 34];

/** The small second row of a line: weight, or unit price when there are several; options; what stands in the way. */
function smallText(menu, line) {
  const unit = unitFen(menu, line);
  if (unit === null) return t("slip.gone");
  const dish = menu.byId.get(line.dish_id);
  if (!weightFits(dish, line)) return t(dish.per_g ? "weigh.now_by_weight" : "weigh.now_by_piece");
  const lacking = lackingGroup(dish, line.modifiers);
  const parts = dish.per_g ? [`${kilograms(line.weight_g)} \u00d7 ${amount(dish.price_fen)}/${perText(dish.per_g)}`]
    : line.qty > 1 ? ["@" + amount(unit)] : [];
  for (const id of line.modifiers) parts.push(nameOf(menu.options.get(id).name));
  if (lacking) parts.push(t("slip.few_options", { group: nameOf(lacking.name) }));
  return parts.join("\u00b7");
}

export class SlipLines {
  constructor(root, onChoose) {
    this.root = root;
    this.rows = new Map();
    root.addEventListener("click", (event) => {
      const row = event.target.closest(".line");
      if (row) onChoose(row.dataset.key);
    });
  }

  forget() {
    this.rows.clear();
    this.root.replaceChildren();
  }

  row(line) {
    const parts = {
      qty: el("b", { class: "line-qty" }),
      name: el("span", { class: "line-name" }),
      amount: el("span", { class: "line-amount" }),
      small: el("span", { class: "line-small" }),
    };
    const button = el("button", { class: "line", "data-key": line.key, testid: "line-" + line.dish_id },
      parts.qty, parts.name, parts.amount, parts.small);
    return { item: el("li", {}, button), button, parts };
  }

  /** Bring the rows in step with `cart`; rows that did not change keep their nodes untouched. */
  show(menu, cart, locked) {
    const wanted = new Set(cart.lines.map((line) => line.key));
    for (const [key, row] of this.rows) {
      if (wanted.has(key)) continue;
      row.item.remove();
      this.rows.delete(key);
    }
    let before = null;
    for (const line of cart.lines) {
      let row = this.rows.get(line.key);
      if (!row) {
        row = this.row(line);
        this.rows.set(line.key, row);
      }
      if (row.item.previousElementSibling !== before || !row.item.parentNode) {
        if (before) before.after(row.item);
        else this.root.prepend(row.item);
      }
      before = row.item;
      this.fill(menu, line, row, line.key === cart.chosen && !locked, locked);
    }
  }

  /** Bring the chosen row into sight; called after every other change, since it makes the browser lay out. */
  follow(cart) {
    if (this.chosen === cart.chosen) return;
    this.chosen = cart.chosen;
    this.rows.get(cart.chosen)?.item.scrollIntoView({ block: "nearest" });
  }

  fill(menu, line, row, chosen, locked) {
    if (line.shown) {
      this.fillShown(line, row, chosen, locked);
      return;
    }
    const fen = menu ? lineFen(menu, line) : null;
    const dish = menu?.byId.get(line.dish_id);
    setText(row.parts.qty, String(line.qty));
    setText(row.parts.name, nameOf(dish ? dish.name : line.name));
    setText(row.parts.amount, fen === null ? "\u2014" : amount(fen));
    setText(row.parts.small, menu ? smallText(menu, line) : "");
    const wrong = Boolean(menu) && (fen === null || Boolean(lackingGroup(dish, line.modifiers)));
    row.button.classList.toggle("wrong", wrong);
    row.button.setAttribute("aria-current", chosen ? "true" : "false");
    setDisabled(row.button, locked);
  }

  /** A line of an order comes with what it shows. */
  fillShown(line, row, chosen, locked) {
    // A line that was taken away keeps its place and its height: nothing moves under the thumb.
    const struck = line.shown.struck ? row.button.style.minHeight || row.button.offsetHeight + "px" : "";
    if (row.button.style.minHeight !== struck) row.button.style.minHeight = struck;
    setText(row.parts.qty, String(line.qty));
    setText(row.parts.name, nameOf(line.name));
    setText(row.parts.amount, line.shown.amount);
    setText(row.parts.small, line.shown.small);
    row.button.className = "line " + line.shown.css;
    row.button.setAttribute("aria-current", chosen ? "true" : "false");
    setDisabled(row.button, locked);
  }
}

/** What the bill did to points: the member's, or waiting on the receipt for whoever joins with it. */
function pointsOf({ points, member_id }) {
  if (!points) return [];
  const row = (word, text) => [el("p", { class: "last-points", testid: "last-points" }, el("span", { text: word }), el("b", { text }))];
  const spent = points.spent ? `\u2212${points.spent} ` : "";
  if (member_id) return row(t("last.points"), spent + t("last.points_now", { n: points.earned ?? 0, balance: points.balance ?? points.earned }));
  return points.earned ? row(t("last.points_wait"), t("last.points_until", { n: points.earned, day: points.claim_until })) : [];
}

/** The panel of the sale just saved: it stays until the next dish. */
export function drawLastSale(root, last, onReprint, onFapiao = null) {
  const change = el("strong", { testid: "change-due" });
  root.replaceChildren(
    el("p", { class: "last-head" },
      el("span", { class: "dot ok", "aria-hidden": "true" }),
      el("b", { testid: "saved", text: t("last.saved") }),
      el("span", { class: "last-number" }, el("span", { text: t("last.number") + " " }), el("b", { testid: "receipt-no", text: last.sale.receipt_no }))),
    el("dl", { class: "last-facts" },
      el("dt", { text: t("last.total") }), el("dd", { text: amount(last.sale.total_fen) }),
      ...(last.sale.tip_fen ? [el("dt", { text: t("pay.tip_title") }), el("dd", { testid: "last-tip", text: amount(last.sale.tip_fen) })] : []),
      el("dt", { text: t("last.received") }), el("dd", { text: amount(last.sale.received_fen) })),
    el("p", { class: "last-change" },
      el("span", { text: t("last.change") }), change),
    ...pointsOf(last.sale),
    el("div", { class: "last-keys" },
      el("button", { class: "key", testid: "reprint", text: t("last.reprint"), onclick: onReprint, disabled: last.reprinting || false }),
      onFapiao ? el("button", { class: "key", testid: "fapiao", text: t("fapiao.key"), onclick: onFapiao }) : null,
      el("span", { class: "last-note", testid: "reprint-note", role: "status", text: last.note || "" })),
    el("p", { class: "last-next", text: t("last.next") }));
  fit(change, amount(last.sale.change_fen), CHANGE_STEPS_PX);
}

/** How many lines and portions there are, in the words for one where it is one. */
export function countText(items, portions) {
  if (items !== 1) return t("slip.counts", { items, portions });
  return portions === 1 ? t("slip.counts_single") : t("slip.counts_one", { portions });
}

/** What was taken for a bill already, above the total: who left the payment page must not ask for all of it again. Gives what is to go. */
export function drawTaken(rows, total_fen, taken_fen) {
  const left_fen = Math.max(0, total_fen - taken_fen);
  const taken = taken_fen ? [[t("pay.taken"), taken_fen], total_fen < taken_fen ? [t("pay.over"), taken_fen - total_fen] : [t("pay.missing"), left_fen]] : [];
  byId("pay-rows").replaceChildren(...[...rows, ...taken].flatMap(([word, fen]) => [el("dt", { text: word }), el("dd", { text: amount(fen) })]));
  return left_fen;
}

/** Head, facts, total and keys of the slip from what `app` knows; `sum` is the price of the lines shown. */
export function drawSlipFoot(app, lines, sum, blocked) {
  const paying = app.view === "pay";
  setText(byId("slip-count"), lines.length ? countText(lines.length, sum.portions) : "");
  setText(byId("slip-blocked"), blocked && lines.length ? t(blocked) : "");
  byId("slip-blocked").classList.remove("calm");
  setText(byId("slip-total-word"), t(paying ? "slip.due" : "slip.total"));
  const total = money(sum.total_fen);
  fit(byId("total"), total, total.length < MEASURED_CHARS ? [] : TOTAL_STEPS_PX);
  setText(byId("exact-amount"), money(drawTaken([], sum.total_fen, lines.length ? app.paying.ways.takenFen(app.order.cart.sale_id) : 0)));
  setHidden(byId("exact-cash"), paying);
  setHidden(byId("pay"), paying);
  setHidden(byId("finish"), !paying);
  const empty = app.order.isEmpty || sum.gone > 0 || sum.lacking > 0;
  setDisabled(byId("exact-cash"), empty || Boolean(blocked));
  setDisabled(byId("pay"), empty);
  setDisabled(byId("clear"), app.order.isEmpty || paying);
  const saved = !lines.length && app.last ? app.last.sale : null;
  setText(byId("slip-bar-count"), saved ? t("toast.saved", { number: saved.receipt_no, change: amount(saved.change_fen) }) : countText(lines.length, sum.portions));
  setText(byId("slip-bar-total"), saved ? "" : total);
}

/** The keys under the lines work on the chosen one. */
export function drawLineKeys(app) {
  const line = app.order.chosenLine();
  const off = !line || app.view === "pay";
  setText(byId("line-qty"), line ? (line.weight_g ? kilograms(line.weight_g) : String(line.qty)) : "");
  byId("line-qty").classList.toggle("weight", Boolean(line?.weight_g));
  for (const id of ["line-less", "line-more", "line-remove"]) setDisabled(byId(id), off);
  setHidden(byId("line-keys"), app.view !== "order");
  setDisabled(byId("line-sheet"), true);
}

/** Title row: whose lines these are; `note` says under the lines what a sale on its way waits for. */
export function drawSlipHead(title, note) {
  setText(byId("slip-title"), title);
  byId("slip-order").replaceChildren();
  for (const id of ["slip-avoid", "slip-waiting"]) setHidden(byId(id), true);
  setText(byId("slip-sending"), note);
  setHidden(byId("slip-sending"), !note);
}
