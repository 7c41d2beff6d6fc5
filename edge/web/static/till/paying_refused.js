// A sale that the node refused: what comes back to the slip, what somebody must allow, what changed its price, what was paid already.

import { ask } from "./api.js";
import { withApproval, Declined } from "./approve.js";
import { uuid7 } from "./ids.js";
import { emptyCart } from "./order.js";
import { keep } from "./vault.js";
import { errorText, t } from "./words.js";

/** The node said no: the order comes back to the slip; one begun meanwhile is set aside. */
export async function refused(paying, error, pending) {
  if (error.code === "sale_id_reused") {
    await alreadyPaid(paying, pending);
    return;
  }
  await putBack(paying, pending, pending.cart);
  if (error.code === "needs_approval") askWord(paying, error, pending);
  else if (error.code === "price_changed") await askPrice(paying, error, pending);
  else paying.refuse(t("notice.sale_refused"), errorText(error) + (paying.app.aside.length ? " " + t("notice.aside") : ""), error.code);
}

/** A basket goes back to the cart; an order never left the node. */
async function putBack(paying, pending, cart) {
  const { app } = paying;
  const change = { [app.kept("pending")]: null };
  if (cart) {
    if (!app.order.isEmpty) app.aside.push(app.order.cart);
    app.basket.put(cart);
    Object.assign(change, { [app.kept("cart")]: cart, [app.kept("aside")]: app.aside });
  }
  await keep(change);
  app.screen.draw();
}

/** Somebody else must allow it: the same sale goes once more with their word. */
async function askWord(paying, error, pending) {
  try {
    let first = true;
    await withApproval(async (approval_id, approvals) => {
      if (first) {
        first = false;
        throw error;
      }
      // An order was allowed what it was before; only points beyond what is put aside are asked about when it is paid.
      await paying.send({ ...pending, body: { ...pending.body, ...(pending.order ? { points_approval: approval_id } : { approvals }) } }, pending.cart ? emptyCart() : null);
    });
  } catch (declined) {
    if (!(declined instanceof Declined)) throw declined;
    paying.refuse(t("notice.sale_refused"), errorText(error), error.code);
  }
}

async function askPrice(paying, error, pending) {
  const { app } = paying;
  await app.node.refreshMenu();
  app.special = null;
  app.screen.drawStates();
  app.screen.draw();
  const new_fen = error.details.due_fen ?? paying.sum().total_fen;
  const again = () => (pending.exact ? paying.exactCash() : app.toPay.open(pending.received_fen));
  const order_again = () => paying.openOrder(pending.order.order_id, { title: pending.order.title, what: pending.what.share ? {} : pending.what, received_fen: pending.received_fen });
  app.sheets.show("price", { old_fen: pending.body.due_fen, new_fen, go: pending.order ? order_again : again, of_order: Boolean(pending.order) });
}

async function alreadyPaid(paying, pending) {
  const { app } = paying;
  await putBack(paying, pending, pending.cart && app.order.isEmpty ? { ...pending.cart, sale_id: uuid7() } : null);
  if (pending.cart && !app.order.isEmpty && app.order.cart.lines !== pending.cart.lines) {
    app.aside.push({ ...pending.cart, sale_id: uuid7() });
    await keep({ [app.kept("aside")]: app.aside });
  }
  await keep(paying.ways.forgotten(pending.key));
  let number = "";
  try {
    const { body } = await ask("GET", "/sales/" + pending.sale_id);
    number = body.receipt_no;
    app.last = { sale: body };
  } catch {
    // The number is a courtesy; what matters is that the order on the screen is not paid.
  }
  paying.refuse(t("notice.already_paid", { number }), t("notice.already_paid_sub"), "sale_id_reused");
}
