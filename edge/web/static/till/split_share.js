// A share of a bill is taken as payments towards it, each under an id that was drawn and kept before the first try.

import { ask, Refused, Unanswered } from "./api.js";
import { uuid7 } from "./ids.js";
import { errorText, t } from "./words.js";

const TRIES = 3;

/** Take one payment; a lost answer is asked for again under the same id. */
async function take(body) {
  for (let tries = 1; ; tries += 1) {
    try {
      return (await ask("POST", "/payments", { body })).body;
    } catch (error) {
      if (!(error instanceof Unanswered) || tries >= TRIES) throw error;
    }
  }
}

/** Take what stands on `tab` towards an order; resolves a sentence where it did not work, else null. What was taken is marked, so that a second try takes the rest only. */
export async function takeParts(order_id, tab, received_fen, save) {
  try {
    for (const part of tab.parts.filter((each) => !each.state)) {
      part.take_id ??= uuid7();
      await save();
      const found = await take({ payment_id: part.take_id, kind: part.kind, amount_fen: part.amount_fen, order_id, ...(part.reference ? { reference: part.reference } : {}) });
      Object.assign(part, { payment_id: part.take_id, state: found.state });
    }
    if (tab.open_fen > 0) {
      tab.doc.cash_id ??= uuid7();
      await save();
      await take({ payment_id: tab.doc.cash_id, kind: "cash", amount_fen: tab.open_fen, received_fen, order_id });
    }
    return null;
  } catch (error) {
    return error instanceof Refused ? errorText(error) : t("notice.node_away");
  }
}
