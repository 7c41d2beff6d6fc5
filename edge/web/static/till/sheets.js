// Sheets slide over the work area, never over the slip: what happened, what still works, what can be done.

import { BASE } from "../base.js";
import { el, icon, kbd, setHidden } from "./dom.js";
import { money } from "./money.js";
import { ParkedSlips } from "./parked.js";
import { enterPractice } from "./practice.js";
import { devicesPath } from "./settings.js";
import { clockText, faultOf, hubWord, recoveryOf, refusalWord } from "./states.js";
import { WeighPad } from "./weigh.js";
import { t } from "./words.js";
import { clockOf } from "../wall_clock.js";

function facts(...rows) {
  return el("dl", { class: "sheet-facts" }, ...rows.filter(Boolean).flatMap(([word, value]) => [el("dt", { text: word }), el("dd", { text: value })]));
}

export class Sheets {
  constructor(root, app) {
    this.root = root;
    this.app = app;
    this.name = null;
    this.from = null;
    this.parked = new ParkedSlips(() => { if (this.name === "printer") this.draw(); }, () => app.status?.hub.state !== "connected");
    this.weigh = new WeighPad(this, (dish, line, weight_g) => app.slip.weighed(dish, line, weight_g));
    root.addEventListener("click", (event) => { if (event.target === root) this.close(); });
  }

  get open() {
    return this.name !== null;
  }

  /** Open the sheet `name`, or draw it again when it is the open one. */
  show(name, extra = null) {
    if (!this.open) this.from = document.activeElement;
    const before = this.extra;
    this.name = name;
    this.extra = extra;
    this.drawn = "";
    // A sheet that asks hears that another one took its place.
    if (before !== extra) before?.closed?.();
    document.body.dataset.sheet = name;
    setHidden(this.root, false);
    this.draw();
    (this.root.querySelector("[data-first]") ?? this.root.querySelector(".sheet-keys .primary, .sheet-close"))?.focus({ focusVisible: false });
  }

  close() {
    if (!this.open) return;
    const { extra } = this;
    this.name = null;
    this.extra = null;
    delete document.body.dataset.sheet;
    setHidden(this.root, true);
    this.root.replaceChildren();
    if (this.from?.isConnected && this.from !== document.body) this.from.focus();
    extra?.closed?.();
  }

  /** Draw again after a change of state; nothing happens when it says the same as before. */
  refresh() {
    if (!this.open) return;
    if (this.name === "printer") this.parked.fetch();
    this.draw();
  }

  frame(title, body, keys) {
    const signature = title + body.map((node) => node.outerHTML).join("") + keys.map((key) => key.outerHTML).join("");
    if (signature === this.drawn) return;
    const held = this.root.contains(document.activeElement) ? document.activeElement.dataset.testid : null;
    this.root.replaceChildren(el("section", { class: this.drawn ? "sheet" : "sheet fresh", role: "dialog", "aria-label": title, testid: "sheet-" + this.name },
      el("header", {}, el("h2", { text: title }),
        el("button", { class: "key quiet sheet-close", testid: "sheet-close", "aria-label": t("sheet.close"), onclick: () => this.close() }, icon("close"), ...kbd("Esc"))),
      el("div", { class: "sheet-body" }, ...body),
      el("footer", { class: "sheet-keys" }, ...keys)));
    this.drawn = signature;
    if (held) this.root.querySelector(`[data-testid="${CSS.escape(held)}"]`)?.focus();
  }

  draw() {
    const drawer = { hub: "drawHub", node: "drawNode", printer: "drawPrinter", price: "drawPrice", who: "drawWho", training: "drawTraining", recovery: "drawRecovery", fenced: "drawFenced", clock: "drawClock", revoked: "drawRevoked", weigh: "drawWeigh" }[this.name] ?? "drawGiven";
    this[drawer]();
  }

  what(title, says, works) {
    return [el("p", { class: "says", text: says }), el("p", { class: "works", text: works }), title].filter(Boolean);
  }

  drawHub() {
    const hub = this.app.status?.hub;
    if (!hub) {
      this.frame(t("state.hub_unknown"), [el("p", { class: "says", text: t("sheet.unread") })], [this.refreshKey()]);
      return;
    }
    const word = hubWord(hub.state);
    const title = t("state.hub_" + (hub.refusal ? "refused" : word));
    this.frame(title, [
      ...this.what(null, hub.refusal ? t("sheet.refused_" + refusalWord(hub.refusal)) : t("sheet.hub_" + word), t(hub.refusal === "revoked" ? "sheet.revoked_works" : "sheet.hub_works")),
      facts([t("sheet.waiting_trade"), String(hub.waiting.trade)], [t("sheet.waiting_operations"), String(hub.waiting.operations)],
        hub.oldest_waiting_ms ? [t("sheet.oldest"), clockOf(hub.oldest_waiting_ms)] : null,
        hub.since_ms ? [title, t("sheet.since", { time: clockOf(hub.since_ms) })] : null),
    ], [el("a", { class: "key", href: BASE + "/works", testid: "works-link", text: t("works.go") }),
      el("a", { class: "key", href: BASE + "/sync", testid: "sync-link", text: t("sync.go") }), this.refreshKey()]);
  }

  refreshKey() {
    return el("button", { class: "key primary", testid: "sheet-refresh", text: t("sheet.refresh"), onclick: () => this.app.link.question() });
  }

  drawNode() {
    const { app } = this;
    const pending = app.submitter.pending;
    const away = app.node_away;
    this.frame(away ? t("state.node_away") : t("sheet.node_ok"), [
      el("p", { class: "says", text: away ? t("sheet.node_away") : t("sheet.node_ok") }),
      away ? el("p", { class: "works", text: t("sheet.node_works") }) : null,
      pending ? el("p", { class: "works", text: t("sheet.node_pending", { amount: money(pending.due_fen) }) }) : null,
    ].filter(Boolean), [el("button", { class: "key primary", testid: "node-retry", text: t("sheet.node_retry"), onclick: () => { app.link.question(); app.submitter.hurry(); } })]);
  }

  drawFenced() {
    this.frame(t("sheet.fenced_title"), this.what(null, t("sheet.fenced_what"), t("sheet.fenced_works")), []);
  }

  drawClock() {
    const { status } = this.app;
    const clock = status?.clock;
    if (!clock) {
      this.frame(t("state.clock_wrong"), [el("p", { class: "says", text: t("sheet.unread") })], [this.refreshKey()]);
      return;
    }
    this.frame(t(clock.state === "wrong" ? "state.clock_wrong" : "state.clock_stepped"), [
      ...this.what(null, t("sheet.clock"), t("sheet.clock_works")),
      clock.held_day ? el("p", { class: "works", testid: "clock-held", text: t("sheet.clock_held", { day: clock.held_day }) }) : null,
      facts([t("sheet.clock_time"), clockText(status)], clock.held_day ? [t("sheet.clock_day"), clock.held_day] : null),
    ].filter(Boolean), [this.refreshKey()]);
  }

  drawRevoked() {
    this.frame(t("state.revoked"), this.what(null, t("sheet.refused_revoked"), t("sheet.revoked_works")), []);
  }

  drawRecovery() {
    const word = recoveryOf(this.app.status) ?? "replacing";
    this.frame(t("state.recovery_" + word), this.what(null, t("sheet.recovery_" + word), t("sheet.recovery_works")), []);
  }

  drawTraining() {
    this.frame(t("sheet.training_title"), this.what(null, t("sheet.training_what"), t("sheet.training_works")),
      this.app.may("practise") ? [el("button", { class: "key primary", testid: "training-practice", text: t("practice.enter_go"), onclick: () => enterPractice(this.app) })] : []);
  }

  drawWho() {
    const { app } = this;
    this.frame(t("sheet.who_title"), [
      el("p", { class: "says", text: app.session ? app.session.cashier.name : "" }),
      el("p", { class: "works", text: t("sheet.sign_out_note") }),
    ], [el("button", { class: "key", testid: "keep-language", text: t("who.keep_language"), onclick: () => app.who.keepLanguage() }),
      el("button", { class: "key", testid: "lock", text: t("more.lock"), onclick: () => app.lock.now() }),
      el("button", { class: "key", testid: "sign-out", text: t("sheet.sign_out"), onclick: () => app.who.signOut() })]);
  }

  drawPrice() {
    const { old_fen, new_fen, go, of_order } = this.extra;
    this.frame(t(of_order ? "sheet.order_title" : "sheet.price_title"), [
      el("p", { class: "says", text: t(of_order ? "sheet.order_what" : "sheet.price_what") }),
      el("dl", { class: "price-pair" },
        el("dt", { text: t("sheet.price_old") }), el("dd", { class: "old", testid: "price-old", text: money(old_fen) }),
        el("dt", { text: t("sheet.price_new") }), el("dd", { testid: "price-new", text: money(new_fen) })),
    ], [el("button", { class: "key primary", testid: "price-go", text: t("sheet.price_go", { amount: money(new_fen) }), onclick: () => { this.close(); go(); } })]);
  }

  /** What was scanned and what is asked for brings its own drawing. */
  drawGiven() {
    this.extra.draw(this);
  }

  drawWeigh() {
    this.weigh.draw(this.extra);
  }

  drawPrinter() {
    const { app } = this;
    const { status, node_away } = app;
    const said = node_away || !status ? "unknown" : status.printer.state;
    const state = faultOf(said) ?? said;
    const since_ms = !node_away && status?.printer.since_ms;
    if (this.parked.jobs === undefined) this.parked.fetch();
    const roll = status?.printer.roll_url
      ? [el("a", { class: "key", href: status.printer.roll_url, target: "_blank", rel: "noopener", "data-testid": "roll-link" }, icon("open"), el("span", { text: t("sheet.roll") }))]
      : [];
    this.frame(t("state.printer_" + state), [
      ...this.what(null, t("sheet.printer_" + state), t("sheet.printer_works")),
      since_ms ? el("p", { class: "quiet", text: t("sheet.since", { time: clockOf(since_ms) }) }) : null,
      el("h3", { text: t("sheet.slips") }),
      ...this.parked.rows(),
    ].filter(Boolean), [el("a", { class: "key", href: devicesPath(), testid: "devices-link", text: t("sheet.devices") }), ...roll, this.refreshKey()]);
  }
}
