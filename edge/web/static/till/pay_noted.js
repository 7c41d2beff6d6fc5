// Ways to pay that are noted by hand beside cash: a card terminal, the shop's printed code, a deposit; and the tip.

import { Refused } from "./api.js";
import { askFor } from "./ask_sheet.js";
import { heldDeposits } from "./deposits.js";
import { el, setText } from "./dom.js";
import { money } from "./money.js";
import { errorText, t } from "./words.js";

// So much may be given whatever the bill is.
const TIP_FREE_FEN = 10_000;

function amountField(ways) {
  return { name: "amount_fen", kind: "amount", label: t("pay.amount"), value: ways.wanted(), max: ways.tab.left_fen };
}

/** A card went through the terminal beside the till, which printed its own number of it. */
export async function card(ways) {
  if (!ways.ready()) return;
  const said = await askFor(ways.app, { name: "card", title: t("pay.card"), says: t("pay.card_says"), primary: t("pay.card_go"),
    fields: [{ name: "reference", kind: "digits", letters: true, label: t("pay.reference"), chars: 32 }, amountField(ways)] });
  if (said && ways.tab) ways.add({ kind: "card", ...said });
}

/** The guest paid to the shop's printed code; somebody saw it on their phone. */
export async function printedCode(ways) {
  if (!ways.ready()) return;
  const said = await askFor(ways.app, { name: "static", title: t("pay.static"), says: t("pay.static_says"), works: t("pay.static_works"), primary: t("pay.static_go"),
    fields: [amountField(ways)] });
  if (said && ways.tab) ways.add({ kind: "static_code", reference: "", ...said });
}

/** The member's points pay, as far as they may be spent here; beyond that the node asks for a manager's word. */
export async function points(ways) {
  const { members } = ways.app;
  const member_id = members.idOf(members.key);
  if (!member_id) {
    await members.open();
    return;
  }
  if (!ways.ready()) return;
  if (ways.tab.parts.some((part) => part.kind === "points")) {
    ways.say(t("pay.points_once"));
    return;
  }
  const one = await members.read(member_id);
  if (!one || !ways.tab) {
    ways.say(t("notice.node_away"));
    return;
  }
  const risk = el("p", { class: "says", testid: "points-risk" });
  const said = await askFor(ways.app, { name: "points", title: t("pay.points"), says: t("pay.points_says", { n: one.spendable, worth: money(one.worth_fen) }), works: t("pay.points_works", { most: money(one.risk_fen) }), primary: t("pay.points_go"),
    more: [risk], fields: [{ ...amountField(ways), value: Math.min(one.worth_fen, ways.tab.left_fen) || null }],
    check: ({ amount_fen }) => {
      const beyond_fen = Math.max(0, amount_fen - one.worth_fen);
      setText(risk, beyond_fen ? t(beyond_fen > one.risk_fen ? "pay.points_too_many" : "pay.points_risk", { beyond: money(beyond_fen), most: money(one.risk_fen) }) : "");
      return null;
    } });
  if (said && ways.tab) ways.add({ kind: "points", ...said });
}

/** What the guest gives on top; nothing takes it away again. More than the bill itself is a slip of the finger, a small bill aside. */
export async function tip(ways) {
  const { tab } = ways;
  const said = await askFor(ways.app, { name: "tip", title: t("pay.tip_title"), says: t("pay.tip_says"), primary: t("pay.tip_go"),
    fields: [{ name: "tip_fen", kind: "amount", label: t("pay.tip_title"), min: 0, value: tab.doc.tip_fen || null, max: Math.max(tab.bill_fen, TIP_FREE_FEN) }] });
  if (!said || ways.tab !== tab) return;
  tab.doc.tip_fen = said.tip_fen;
  ways.changed();
}

/** A deposit pays as far as it goes, before anything that was noted: the node counts it so. */
export async function deposit(ways) {
  if (!ways.ready()) return;
  let found;
  try {
    found = await heldDeposits();
  } catch (error) {
    ways.say(error instanceof Refused ? errorText(error) : t("notice.node_away"));
    return;
  }
  const held = found.filter((one) => !ways.tab.parts.some((part) => part.payment_id === one.payment_id));
  if (!held.length) {
    ways.say(t("pay.no_deposit"));
    return;
  }
  const said = await askFor(ways.app, { name: "deposit", title: t("pay.deposit"), says: t("pay.deposit_says"), primary: t("pay.deposit_go"),
    fields: [{ name: "which", kind: "choice", label: t("pay.deposit_which"), options: held.map((one) => [one.payment_id, `${one.label} · ${one.for_day} · ${one.receipt_no} · ${money(one.left_fen)}`]) }] });
  const one = said && held.find((each) => each.payment_id === said.which);
  if (!one || !ways.tab) return;
  const amount_fen = Math.min(one.left_fen, ways.tab.left_fen);
  if (amount_fen < one.left_fen && (ways.tab.doc.held_fen || ways.tab.counted.some((part) => !part.payment_id))) {
    ways.say(t("pay.deposit_first"));
    return;
  }
  ways.add({ kind: "deposit", payment_id: one.payment_id, amount_fen, label: one.label });
}
