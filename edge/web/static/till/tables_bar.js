// The function bar: words and key hints; a list (data, not code) says what stands there, and the table of roles who sees it.

import { byId, el, kbd, setText } from "./dom.js";
import { t } from "./words.js";

/** id, word, key, action of the role table ("" = none), where it shows, what it does, how many it counts. */
const KEYS = [
  ["fn-send", "bar.send", "F1", "send", "order", (app) => app.slip.send(), (app) => app.tab.unsent()],
  ["fn-plan-open", "bar.open", "Enter", "tables", "plan", (app) => app.plan.enterOr(), null],
  ["fn-move", "tables.order_move", "", "tables", "plan", (app) => app.orderSheet.move(), null],
  ["fn-merge", "tables.order_merge", "", "tables", "plan", (app) => app.orderSheet.merge(), null],
  ["fn-split", "bar.split", "", "tables", "plan", (app) => app.orderSheet.split(), null],
  ["fn-takeaway", "service.takeaway", "", "sell", "plan", (app) => app.plan.openAway("takeaway"), null],
  ["fn-hold", "bar.hold", "F6", "hold", "order", (app) => app.hold.hold(), null],
  ["fn-recall", "bar.recall", "F7", "hold", "order", (app) => app.hold.recall(), (app) => app.hold.held().length],
  ["fn-tables", "bar.tables", "F5", "tables", "order", (app) => app.tables.togglePlan(), null],
  ["fn-order", "bar.order", "F5", "tables", "plan", (app) => app.tables.togglePlan(), null],
  ["fn-member", "bar.member", "F3", "members", "order", (app) => app.members.open(), null],
  ["undo", "bar.undo", "", "", "order", (app) => app.slip.undo(), null],
  ["more", "bar.more", "", "", "both", (app) => app.more.show(), null],
];

let drawn = "";
let counted = "";
let beside = [];

function textOf([, word, , n]) {
  return n ? `${word} ${n}` : word;
}

/** Nobody is here, or nothing of it may be pressed: the bar is empty. */
export function clearFunctions() {
  drawn = "";
  byId("function-bar").replaceChildren();
}

/** Draw the bar of the view; `keys` are the device's own (language, light), null keeps those. */
export function drawFunctions(app, keys) {
  if (keys) beside = keys;
  const shown = KEYS.filter(([id, , , action, view]) => (view === "both" || view === app.view || (app.view === "pay" && view === "order")) && (id !== "fn-member" || app.members.on) && (!action || !app.session || !app.session.may || app.may(action) || app.asks(action)));
  const rows = shown.map(([id, word, key, , , , count]) => [id, t(word), key, count?.(app) || 0]);
  const says = JSON.stringify([app.view, document.documentElement.lang, rows.map(([id]) => id)]);
  const counts = JSON.stringify(rows);
  if (!keys && says === drawn) {
    // Only a count changed: a key under somebody's finger stays the same key.
    if (counts !== counted) for (const row of rows) setText(byId("function-bar").querySelector(`[data-testid="${row[0]}"] span`), textOf(row));
    counted = counts;
    return;
  }
  drawn = says;
  counted = counts;
  const held = byId("function-bar").contains(document.activeElement) ? document.activeElement.dataset.testid : null;
  byId("function-bar").replaceChildren(...rows.map((row, at) => el("button", { class: "fn", testid: row[0], onclick: () => shown[at][5](app) },
    el("span", { text: textOf(row) }), ...(row[2] ? kbd(row[2]) : []))), ...(app.view === "plan" ? beside.slice(0, 1) : beside));
  if (held) byId("function-bar").querySelector(`[data-testid="${held}"]`)?.focus();
}
