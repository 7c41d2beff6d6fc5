// Deposits: who left money for which day; one is taken, one goes back.

import { ask, Refused } from "./api.js";
import { withApproval, Declined } from "./approve.js";
import { askFor } from "./ask_sheet.js";
import { codeDeposit } from "./deposit_code.js";
import { el } from "./dom.js";
import { uuid7 } from "./ids.js";
import { amount, money } from "./money.js";
import { showToast } from "./toast.js";
import { errorText, t } from "./words.js";

function sentence(error) {
  return error instanceof Refused ? errorText(error) : t("notice.node_away");
}

/** Deposits that have something left, whatever their day. */
export async function heldDeposits() {
  return (await ask("GET", "/deposits?held=yes")).body.payments;
}

/** Open the sheet that lists them. */
export async function openDeposits(app) {
  let held;
  try {
    held = await heldDeposits();
  } catch (error) {
    showToast(sentence(error));
    return;
  }
  const row = (one) => el("li", {}, el("p", {}, el("b", { text: amount(one.left_fen) }), el("span", { text: `${one.label} · ${one.for_day} · ${one.receipt_no}` })),
    el("div", { class: "slip-keys-row" }, el("button", { class: "key", testid: "deposit-return", text: t("deposit.return"), onclick: () => giveBack(app, one) })));
  app.sheets.show("deposits", { draw: (sheets) => sheets.frame(t("more.deposit"), [
    held.length ? el("ul", { class: "slips" }, ...held.map(row)) : el("p", { class: "says", text: t("pay.no_deposit") })],
  [el("button", { class: "key primary", testid: "deposit-take", text: t("deposit.take"), onclick: () => takeDeposit(app) })]) });
}

/** A deposit is taken in cash, by card or by the shop's code; the guest gets a slip. */
async function takeDeposit(app) {
  const deposit_id = uuid7();
  const said = await askFor(app, { name: "take-deposit", title: t("deposit.take"), says: t("deposit.says"), primary: t("deposit.go"),
    fields: [
      { name: "amount_fen", kind: "amount", label: t("pay.amount") },
      { name: "kind", kind: "choice", label: t("pay.ways"), value: "cash", options: ["cash", "card", "static_code", "code"].map((kind) => [kind, t("way." + kind)]) },
      { name: "label", kind: "text", label: t("deposit.label"), max: 40 },
      { name: "for_day", kind: "text", type: "date", label: t("deposit.day") },
      { name: "reference", kind: "digits", letters: true, optional: true, label: t("deposit.reference"), chars: 32, when: (texts) => texts.kind === "card" },
    ],
    act: async ({ reference, ...values }) => {
      // The guest's code is scanned next.
      if (values.kind === "code") return null;
      try {
        const { body } = await app.deeds.send("/deposits", { deposit_id, ...values, ...(values.kind === "cash" ? {} : { reference }) });
        showToast(t("deposit.taken", { number: body.receipt_no }));
        return null;
      } catch (error) {
        return sentence(error);
      }
    } });
  if (!said) return;
  if (said.kind === "code") {
    const found = await codeDeposit(app, { amount_fen: said.amount_fen, label: said.label, for_day: said.for_day });
    if (found) showToast(t("deposit.taken", { number: found.receipt_no }));
  }
  await openDeposits(app);
}

async function giveBack(app, one) {
  const request_id = uuid7();
  const said = await askFor(app, { name: "return", title: t("pay.return_title", { amount: money(one.left_fen) }), says: t("pay.return_says"), primary: t("pay.return"), danger: true,
    fields: [{ name: "in_cash", kind: "choice", label: t("refund.ways"), value: "", optional: true, options: [["", t("deposit.same_way")], ["yes", t("refund.in_cash")]] },
      { name: "reason", kind: "text", label: t("reason.label"), chips: [1, 2].map((n) => t("reason.deposit_" + n)) }] });
  if (!said) return;
  try {
    await withApproval((approval_id) => app.deeds.send(`/deposits/${one.payment_id}/return`, { request_id, reason: said.reason, in_cash: said.in_cash === "yes", approval_id }));
    showToast(t("pay.returned", { amount: money(one.left_fen) }));
  } catch (error) {
    if (!(error instanceof Declined)) showToast(sentence(error));
  }
  await openDeposits(app);
}
