// Orders of takeaway platforms: a sound and a word when one comes or is called off, and the sheet where they are accepted, ready, cancelled.

import { ask, Refused } from "./api.js";
import { withApproval, Declined } from "./approve.js";
import { askFor } from "./ask_sheet.js";
import { ring } from "./beep.js";
import { el } from "./dom.js";
import { uuid7 } from "./ids.js";
import { amount } from "./money.js";
import { showToast } from "./toast.js";
import { errorText, getLanguage, hasWord, t } from "./words.js";

const MINUTE_MS = 60_000;
const POLL_MS = 15_000;
const REASONS = [1, 2, 3];

export class Platforms {
  constructor(app) {
    this.app = app;
    this.view = null;
    this.owed = null;
    this.reading = null;
    app.link.on("house", (news) => { if (!news.n || news.platforms_n || news.everything || !this.view) this.read(); });
    // Whether a platform answers is no fact, and minutes go on by themselves.
    setInterval(() => { if (this.app.session && this.view?.platforms.length) this.read(); }, POLL_MS);
  }

  /** Read the orders; a question while one is under way is the same question. */
  read() {
    if (!this.app.session) return Promise.resolve();
    this.reading ??= this.fetch().finally(() => { this.reading = null; });
    return this.reading;
  }

  async fetch() {
    try {
      const { body } = await ask("GET", "/platforms");
      const before = this.view;
      this.view = body;
      if (before) this.hear(before, body);
      this.app.screen.drawStates();
      if (this.app.sheets.name === "platforms") this.app.sheets.refresh();
    } catch {
      // What was read last stays in sight; the next event asks again.
    }
  }

  /** Say aloud what came and what was called off since the last look. */
  hear(before, now) {
    const was = new Map([...before.orders, ...before.past].map((one) => [one.order_id, one]));
    const fresh = now.orders.filter((one) => !was.has(one.order_id));
    const off = now.past.filter((one) => one.state === "cancelled" && one.by === "platform" && was.get(one.order_id)?.sale_id && was.get(one.order_id).state !== "cancelled");
    if (!fresh.length && !off.length) return;
    ring();
    const waiting = now.orders.filter((one) => one.state === "waiting").length;
    if (off.length) showToast(t("platforms.guest_off_toast", { number: this.called(off[0]) }));
    else if (waiting) showToast(t("platforms.new_toast", { n: waiting }));
    else showToast(t("platforms.came_toast", { number: this.called(fresh[0]) }));
  }

  /** What stands in the state bar: orders that wait, or a platform that does not answer. */
  states() {
    if (!this.view || this.app.node_away) return [];
    const waiting = this.view.orders.filter((one) => one.state === "waiting").length;
    if (waiting) return [{ id: "platforms", shape: "fault", text: `${t("platforms.waiting")} ${waiting}`, rank: 2.9 }];
    const away = this.view.platforms.find((one) => one.away);
    return away ? [{ id: "platforms", shape: "ring", text: this.nameOf(away), rank: 0.9 }] : [];
  }

  nameOf(platform) {
    return getLanguage() === "en" ? platform.name_en : platform.name_zh;
  }

  called(order) {
    const platform = this.view.platforms.find((one) => one.id === order.platform);
    return `${platform ? this.nameOf(platform) : order.platform} ${order.platform_no}`;
  }

  show() {
    this.owed = null;
    this.app.sheets.show("platforms", { draw: (sheets) => this.draw(sheets) });
    this.read();
    if (this.app.may("see_manager")) this.readOwed();
  }

  async readOwed() {
    try {
      this.owed = (await ask("GET", "/platforms/owed")).body.platforms;
      if (this.app.sheets.name === "platforms") this.app.sheets.refresh();
    } catch {
      // The list says enough without it.
    }
  }

  draw(sheets) {
    const { view } = this;
    const { platforms = [], orders = [], past = [] } = view ?? {};
    const waiting = orders.filter((one) => one.state === "waiting");
    const cooking = orders.filter((one) => one.state === "accepted");
    const nothing = !orders.length && !past.length;
    sheets.frame(t("platforms.title"), [
      ...platforms.map((one) => (one.away
        ? el("p", { class: "says platform-away", role: "alert", testid: "platform-away", text: t("platforms.away", { name: this.nameOf(one) }) })
        : el("p", { class: "works", testid: "platform-state", text: `${this.nameOf(one)} \u00b7 ${t("platforms.answers")} \u00b7 ${t(one.auto ? "platforms.auto" : "platforms.by_hand")}` }))),
      ...(nothing ? [el("p", { class: "says", testid: "platform-none", text: t("platforms.none") })] : []),
      ...this.section("waiting", waiting), ...this.section("cooking", cooking), ...this.section("past", past), ...this.sums(),
    ], []);
  }

  section(word, orders) {
    if (!orders.length) return [];
    return [el("h3", { text: `${t("platforms." + word)} ${orders.length}` }), el("ul", { class: "slips platform-orders", testid: "platforms-" + word }, ...orders.map((one) => this.row(one)))];
  }

  row(one) {
    const minutes = Math.max(0, Math.floor(((this.app.status?.now_ms ?? one.at_ms) - one.at_ms) / MINUTE_MS));
    const says = [one.items.map((item) => `${item.name || item.dish_id} \u00d7${item.qty}${item.note ? ` (${item.note})` : ""}`).join("\u3001"), one.note].filter(Boolean).join(" \u00b7 ");
    const dish = one.items.find((item) => item.dish_id === one.why_dish);
    const why = "platforms.why_" + one.why;
    const wrong = one.why ? (hasWord(why) ? t(why, { dish: dish?.name || one.why_dish }) : errorText({ code: one.why })) : one.objection ? t("platforms.objected", { why: one.objection }) : "";
    const off = one.state === "cancelled" ? t("platforms.by_" + (one.by || "store"), { reason: one.reason === "off" || !one.reason ? t("platforms.no_reason") : one.reason }) : "";
    return el("li", { testid: "platform-order", "data-state": one.state },
      el("p", {}, el("b", { text: this.called(one) }), el("span", { text: `${amount(one.total_fen)} \u00b7 ${t("platforms.state_" + one.state)} \u00b7 ${t("platforms.minutes", { n: minutes })}${one.receipt_no ? ` \u00b7 ${one.receipt_no}` : ""}` }),
        el("span", { text: says })),
      el("div", { class: "slip-keys-row" }, ...this.keysOf(one)),
      ...(wrong ? [el("p", { class: "platform-wrong", role: "alert", text: wrong })] : []), ...(off ? [el("p", { class: "platform-off", text: off })] : []));
  }

  keysOf(one) {
    const key = (word, className, press, off = false) => el("button", { class: className, testid: `platform-${word}-${one.platform_no}`, text: t("platforms." + word), disabled: off, onclick: press });
    const away = this.view.platforms.find((each) => each.id === one.platform)?.away ?? true;
    if (one.state === "waiting") return [key("decline", "key danger", () => this.cancel(one)), key("accept", "key primary", () => this.act(one, "accept", "platforms.accepted_toast"), away || Boolean(one.why))];
    if (one.state === "accepted") return [key("cancel", "key danger", () => this.cancel(one)), key("ready", "key primary", () => this.act(one, "ready", "platforms.ready_toast"))];
    return one.state === "ready" ? [key("cancel", "key danger", () => this.cancel(one))] : [];
  }

  sums() {
    if (!this.owed?.length) return [];
    return [el("h3", { text: t("platforms.owed") }), el("dl", { class: "sheet-facts", testid: "platform-owed" }, ...this.owed.flatMap((one) => {
      const platform = this.view?.platforms.find((each) => each.id === one.platform);
      return [el("dt", { text: t("platforms.owed_row", { name: platform ? this.nameOf(platform) : one.platform, n: one.orders, off: one.cancelled }) }), el("dd", { text: amount(one.owed_fen) })];
    }))];
  }

  /** Accepting asks the platform, so it is tried once and said at once what came of it; nothing of it waits in the dark. */
  async act(one, what, word) {
    try {
      await ask("POST", `/platforms/orders/${one.order_id}/${what}`, { body: { request_id: uuid7() }, timeout_ms: 8000 });
      showToast(t(word, { number: this.called(one) }));
    } catch (error) {
      showToast(error instanceof Refused ? errorText(error) : t("notice.node_away"));
    }
    await this.read();
  }

  async cancel(one) {
    const request_id = uuid7();
    const accepted = one.state !== "waiting";
    const said = await askFor(this.app, { name: "platform-cancel", title: t("platforms.cancel_title", { number: this.called(one) }), says: t(accepted ? "platforms.cancel_says" : "platforms.decline_says"),
      primary: t(accepted ? "platforms.cancel" : "platforms.decline"), danger: true,
      fields: [{ name: "reason", kind: "text", label: t("reason.label"), max: 80, chips: REASONS.map((n) => t("platforms.reason_" + n)) }] });
    if (said) {
      try {
        await withApproval((approval_id) => this.app.deeds.send(`/platforms/orders/${one.order_id}/cancel`, { request_id, reason: said.reason, approval_id }));
        showToast(t("platforms.off_toast", { number: this.called(one) }));
      } catch (error) {
        if (!(error instanceof Declined)) showToast(error instanceof Refused ? errorText(error) : t("notice.node_away"));
      }
    }
    this.show();
  }
}
