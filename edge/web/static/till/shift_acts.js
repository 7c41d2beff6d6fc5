// What is done to the drawer beside selling: the float, cash in and out, hand-over, reports on paper. Each under an id drawn before its first try.

import { ask, Refused } from "./api.js";
import { withApproval, Declined } from "./approve.js";
import { askFor } from "./ask_sheet.js";
import { uuid7 } from "./ids.js";
import { amount } from "./money.js";
import { errorText, t } from "./words.js";

function sentence(error) {
  return error instanceof Refused ? errorText(error) : t("notice.node_away");
}

/** Say the float; said again it replaces what was said. Resolves what to say about it, or null. */
export async function saidFloat(app, state) {
  const request_id = uuid7();
  const said = await askFor(app, { name: "float", title: t("shift.say_float"), says: t("shift.float_says"), primary: t("shift.float_go"),
    fields: [{ name: "float_fen", kind: "amount", min: 0, label: t("shift.float"), value: state.opened ? state.float_fen : state.suggested_float_fen || null }],
    act: async ({ float_fen }) => app.deeds.send("/shift/open", { request_id, float_fen }).then(() => null, sentence) });
  return said && t("shift.float_done", { amount: amount(said.float_fen) });
}

/** Cash goes in or out for a reason. A word that somebody else must give comes after the sheet, and the amount stands in it. */
export async function moveCash(app, move) {
  const move_id = uuid7();
  const said = await askFor(app, { name: "cash", title: t("shift." + move), says: t("shift.says_" + move), primary: t("shift.go_" + move),
    fields: [{ name: "amount_fen", kind: "amount", label: t("pay.amount") }, { name: "reason", kind: "text", label: t("reason.label"), chips: [1, 2, 3].map((n) => t(`reason.${move}_${n}`)) }] });
  if (!said) return null;
  try {
    await withApproval((approval_id) => app.deeds.send("/shift/cash", { move_id, move, ...said, approval_id }));
    return t("shift.moved_" + move, { amount: amount(said.amount_fen) });
  } catch (error) {
    return error instanceof Declined ? null : sentence(error);
  }
}

/** Another person goes on here: named, and then they sign in themselves. */
export async function handOver(app, tell) {
  const request_id = uuid7();
  let people;
  try {
    ({ body: { people } } = await ask("GET", "/sign-in"));
  } catch (error) {
    tell(sentence(error));
    return;
  }
  const others = people.filter((one) => one.id !== app.session.cashier.id);
  if (!others.length) {
    tell(t("shift.nobody"));
    return;
  }
  const said = await askFor(app, { name: "hand-over", title: t("shift.hand_over"), says: t("shift.hand_over_says"), primary: t("shift.hand_over_go"),
    fields: [{ name: "to_person", kind: "choice", label: t("shift.to_whom"), options: others.map((one) => [one.id, one.name]) }],
    act: async ({ to_person }) => app.deeds.send("/shift/hand-over", { request_id, to_person }).then(() => null, sentence) });
  if (said) await app.who.signOut();
}

/** Have a report printed; resolves what to say about it. */
export async function printed(path) {
  return ask("POST", path, { body: { request_id: uuid7() } }).then(() => t("report.queued"), sentence);
}
