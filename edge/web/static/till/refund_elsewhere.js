// A sale of another store that is to go back here: head office shows it, the store that sold it leaves it to us, then it is given.

import { ask, Refused } from "./api.js";
import { withApproval, Declined } from "./approve.js";
import { askFor } from "./ask_sheet.js";
import { el } from "./dom.js";
import { uuid7 } from "./ids.js";
import { money, amount } from "./money.js";
import { RefundSale } from "./refund_sale.js";
import { errorText, nameOf, t } from "./words.js";
import { stampOf } from "../wall_clock.js";

const AGAIN_MS = 2000;
const PATH = "/refunds/elsewhere";

function sentence(error) {
  return error instanceof Refused ? errorText(error) : t("notice.node_away");
}

function waits(why) {
  return t(why === "hub_silent" ? "refund.elsewhere_wait_hub" : "refund.elsewhere_wait_store");
}

export class ElsewhereSale extends RefundSale {
  constructor(page, text) {
    super(page, null);
    this.text = text;
    this.quotePath = PATH + "/quote";
    this.ours = false;
  }

  async look() {
    const { body } = await ask("GET", `${PATH}?text=${encodeURIComponent(this.text)}`);
    this.state = { ...body, refunds: [], left_to: [] };
  }

  get title() {
    return t("refund.of", { number: t("refund.elsewhere_of", { store: nameOf(this.state.store_name), number: this.state.receipt_no }) });
  }

  get works() {
    return t("refund.elsewhere_works");
  }

  asked() {
    const { sale_id: _, ...what } = super.asked();
    return { text: this.text, ...what };
  }

  /** Asked again under the same id until it is given or refused; leaving the page leaves it in the list of what is not decided. */
  async give() {
    if (this.busy || !this.quote) return;
    const body = { ...this.asked(), refund_id: this.refund_id, reason: this.reason.trim(), shown_fen: this.quote.amount_fen };
    await this.deed(async () => {
      for (;;) {
        const answer = await withApproval((approval_id) => this.app.deeds.send(PATH, { ...body, approval_id }));
        if (answer.body.state === "given" || this.page.sale !== this) return answer;
        this.page.say(waits(answer.body.why));
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      }
    }, ({ refund }) => {
      if (!refund) return;
      const queued = refund.tenders.some((one) => one.queued);
      this.page.note = t(queued ? "refund.done_queued" : "refund.done", { number: refund.receipt_no, amount: money(refund.amount_fen) });
      Object.assign(this, { refund_id: uuid7(), pieces: new Map(), amount_fen: 0, reason: "", quote: null });
    });
  }
}

/** What was asked for and is not decided, as rows with two keys each; `done(text)` says what became of one. */
export async function openAsks(app, done) {
  const { body } = await ask("GET", PATH + "/open");
  const row = (one) => el("li", { class: "desk-open", testid: "elsewhere-open" },
    el("b", { text: t("refund.elsewhere_open", { store: one.sale_store, number: one.sale_receipt_no }) }),
    el("span", { text: stampOf(one.at_ms) + " · " + one.reason }), el("span", { text: amount(one.amount_fen) }),
    el("div", { class: "slip-keys-row" },
      el("button", { class: "key", testid: "elsewhere-again", text: t("refund.elsewhere_again"), onclick: () => askAgain(one, done) }),
      el("button", { class: "key danger", testid: "elsewhere-drop", text: t("refund.elsewhere_drop"), onclick: () => giveUp(app, one, done) })));
  return body.asks.map(row);
}

async function askAgain(one, done) {
  try {
    const { body } = await ask("POST", `${PATH}/${one.refund_id}/again`, { body: {} });
    done(body.refund ? t("refund.done", { number: body.refund.receipt_no, amount: money(body.refund.amount_fen) }) : waits(body.why));
  } catch (error) {
    done(sentence(error));
  }
}

async function giveUp(app, one, done) {
  const request_id = uuid7();
  const said = await askFor(app, { name: "give-up", title: t("refund.elsewhere_drop"), says: t("refund.elsewhere_drop_says", { amount: money(one.amount_fen) }), primary: t("refund.elsewhere_drop"), danger: true,
    fields: [{ name: "reason", kind: "text", label: t("reason.label"), chips: [1, 2].map((n) => t("reason.give_up_" + n)) }] });
  if (!said) return;
  try {
    await app.deeds.send(`${PATH}/${one.refund_id}/drop`, { request_id, reason: said.reason });
    done(t("refund.elsewhere_dropped"));
  } catch (error) {
    if (!(error instanceof Declined)) done(sentence(error));
  }
}
