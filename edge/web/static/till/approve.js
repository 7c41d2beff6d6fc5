// Another person's word: a call that the node answers with "needs_approval" is done again with what a second person allowed at this till.

import { ask, Refused, Unanswered } from "./api.js";
import { askFor } from "./ask_sheet.js";
import { el } from "./dom.js";
import { uuid7 } from "./ids.js";
import { money } from "./money.js";
import { errorText, hasWord, t } from "./words.js";

// A basket may need several words at once (a discount, a gift, another price); more is a fault.
const ROUNDS = 5;
const PIN_DIGITS = 6;
let till = null;

/** Nobody gave their word: the sheet was closed. Nothing was changed. */
export class Declined extends Error {}

/** Name the till whose sheets ask for the word. */
export function approvalsAt(app) {
  till = app;
}

function factsOf({ action, amount_fen, rate_bp }) {
  const rows = [[t("approve.what"), hasWord("action." + action) ? t("action." + action) : action], [t("approve.who"), till.session?.cashier.name ?? ""]];
  if (rate_bp) rows.splice(1, 0, [t("approve.rate"), (rate_bp / 100).toFixed(rate_bp % 100 ? 1 : 0) + "%"]);
  if (amount_fen) rows.splice(1, 0, [t("approve.amount"), money(amount_fen)]);
  return el("dl", { class: "sheet-facts" }, ...rows.flatMap(([word, value]) => [el("dt", { text: word }), el("dd", { text: value })]));
}

/** What is allowed, in a sentence; with what it costs at worst where the word says so. */
function saysOf(action, amount_fen, why) {
  if (why && hasWord("approve.why_" + why)) return t("approve.why_" + why);
  return hasWord("approve.of_" + action) ? t("approve.of_" + action, { most: money(amount_fen) }) : t("approve.says");
}

function sentence(error) {
  if (!(error instanceof Refused)) return t("notice.node_away");
  if (error.code === "wrong_pin" && error.details.tries_left !== undefined) return t("approve.wrong_pin", { n: error.details.tries_left });
  if (error.code === "pin_locked") return t("approve.locked", { s: error.details.retry_after_s ?? 30 });
  return errorText(error);
}

/** After too many wrong PINs at a till somebody senior names themselves first; resolves who, or throws Declined. */
async function namedSenior() {
  const { body } = await ask("GET", "/sign-in");
  const seniors = body.people.filter((one) => one.role !== "cashier");
  const said = await askFor(till, { name: "senior", title: t("approve.title"), says: t("approve.senior"), primary: t("approve.next"),
    fields: [{ name: "who", kind: "choice", label: t("approve.senior_who"), options: seniors.map((one) => [one.id, one.name]) }] });
  if (!said) throw new Declined();
  return said.who;
}

/** Ask for the word; resolves the approval, or throws Declined. */
async function askWord(needed) {
  for (let person_id = ""; ; person_id = await namedSenior()) {
    const approval = await askOnce(needed, person_id);
    if (approval) return approval;
  }
}

/** Ask once; resolves the approval, or null where the till wants a name first. */
async function askOnce(needed, person_id) {
  const { action, target, amount_fen = 0, rate_bp = 0, why } = needed;
  let approval = null;
  let unnamed = false;
  let request_id = uuid7();
  async function approve(shown) {
    try {
      const { body } = await ask("POST", "/approvals", { body: { request_id, action, target, amount_fen, rate_bp, ...shown, ...(person_id ? { person_id } : {}) } });
      approval = body;
      return null;
    } catch (error) {
      // What was refused is over; what was not answered is asked for again under the same id.
      if (!(error instanceof Unanswered)) request_id = uuid7();
      unnamed = Boolean(error.details?.senior) && !person_id;
      // Nothing to say: the sheet goes, and the one that asks for a name comes.
      if (unnamed) return null;
      return sentence(error);
    }
  }
  const asking = askFor(till, {
    name: "approve", title: t("approve.title"), primary: t("approve.go"), says: saysOf(action, amount_fen, why),
    more: [factsOf({ action, amount_fen, rate_bp })],
    fields: [{ name: "pin", kind: "pin", label: t("approve.pin"), chars: PIN_DIGITS }],
    act: async ({ pin }, sheet) => {
      sheet.texts.pin = "";
      return approve({ pin });
    },
  });
  const sheet = till.sheets.extra;
  till.scans?.grab({ screen: "approve", kinds: ["staff"], take: async (badge) => {
    const said = await approve({ badge });
    if (said) sheet.say(said);
    else sheet.finish({});
  } });
  await asking;
  till.scans?.release();
  if (!approval && !unnamed) throw new Declined();
  return approval;
}

/**
 * Do `call(approval_id, approvals)` and answer what it answers; where the node wants somebody's word, ask for it and do it again.
 * `approval_id` is the last one given ("" at first); `approvals` names the one of each action, for baskets. Throws Declined when nobody gave it.
 */
export async function withApproval(call) {
  const approvals = {};
  let approval_id = "";
  for (let round = 0; ; round += 1) {
    try {
      return await call(approval_id, { ...approvals });
    } catch (error) {
      if (!(error instanceof Refused) || error.code !== "needs_approval" || round >= ROUNDS) throw error;
      const approval = await askWord(error.details);
      approval_id = approval.approval_id;
      approvals[approval.action] = approval_id;
    }
  }
}
