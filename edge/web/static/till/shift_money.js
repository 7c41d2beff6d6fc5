// Money that somebody must look at: codes nobody knows of, payments no sale used, what the gateway said no to, refunds in line.

import { ask, Refused } from "./api.js";
import { withApproval, Declined } from "./approve.js";
import { askFor } from "./ask_sheet.js";
import { el } from "./dom.js";
import { uuid7 } from "./ids.js";
import { amount, money } from "./money.js";
import { showToast } from "./toast.js";
import { errorText, t } from "./words.js";

function tell(error) {
  if (!(error instanceof Declined)) showToast(error instanceof Refused ? errorText(error) : t("notice.node_away"));
}

async function giveBack(app, one) {
  const request_id = uuid7();
  const said = await askFor(app, { name: "return", title: t("pay.return_title", { amount: money(one.amount_fen) }), says: t("pay.return_says"), primary: t("pay.return"), danger: true,
    fields: [{ name: "reason", kind: "text", label: t("reason.label"), chips: [t("reason.return_1"), t("reason.return_2")] }] });
  if (!said) return;
  try {
    await withApproval((approval_id) => app.deeds.send(`/payments/${one.payment_id}/return`, { request_id, reason: said.reason, approval_id }));
    showToast(t("pay.returned", { amount: money(one.amount_fen) }));
  } catch (error) {
    tell(error);
  }
  await openMoney(app);
}

async function act(app, one, verb) {
  try {
    await ask("POST", `/payments/${one.payment_id}/${verb}`, { body: {} });
  } catch (error) {
    tell(error);
  }
  await openMoney(app);
}

/** Open the sheet that lists it. */
export async function openMoney(app) {
  let found;
  try {
    found = (await ask("GET", "/payments/open")).body;
  } catch (error) {
    tell(error);
    return;
  }
  const key = (word, testid, press, danger = false) => el("button", { class: danger ? "key danger" : "key", testid, text: t(word), onclick: press });
  const row = (one, state, ...keys) => el("li", {}, el("p", {}, el("b", { text: amount(one.amount_fen) }), el("span", { text: `${one.kind ? t("way." + one.kind) + " · " : ""}${state}` })), el("div", { class: "slip-keys-row" }, ...keys));
  // Made anew at each drawing: a node stands in one place only.
  const rows = () => [
    ...found.undecided.map((one) => row(one, t("code.state_" + one.state), ...(one.state === "unknown" ? [key("code.query", "money-query", () => act(app, one, "query")), key("code.accept", "money-accept", () => act(app, one, "accept")), key("code.cancel", "money-cancel", () => act(app, one, "cancel"), true)] : []))),
    ...found.unused.map((one) => row(one, t("money.unused"), key("pay.return", "money-return", () => giveBack(app, one)))),
    ...found.missing.map((one) => row(one, t("money.missing"))),
    ...found.refunds.map((one) => row(one, t("money.refund_" + one.state))),
  ];
  app.sheets.show("money", { draw: (sheets) => sheets.frame(t("shift.money"), [
    el("p", { class: "works", text: t(found.gateway ? (found.away ? "money.away" : "money.there") : "money.none") }),
    rows().length ? el("ul", { class: "slips" }, ...rows()) : el("p", { class: "says", testid: "money-empty", text: t("money.empty") })], []) });
}
