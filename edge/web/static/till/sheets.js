// Sheets slide over the work area, never over the slip: what happened, what still works, what can be done.

import { ask } from "./api.js";
import { el, icon, kbd, setHidden } from "./dom.js";
import { money } from "./money.js";
import { faultOf, hubWord } from "./states.js";
import { errorText, hasWord, t } from "./words.js";

const PARKED = ["held", "unknown"];

function clockOf(ms) {
  const date = new Date(ms);
  return String(date.getHours()).padStart(2, "0") + ":" + String(date.getMinutes()).padStart(2, "0");
}

function facts(...rows) {
  return el("dl", { class: "sheet-facts" }, ...rows.filter(Boolean).flatMap(([word, value]) => [el("dt", { text: word }), el("dd", { text: value })]));
}

export class Sheets {
  constructor(root, app) {
    this.root = root;
    this.app = app;
    this.name = null;
    this.from = null;
    root.addEventListener("click", (event) => { if (event.target === root) this.close(); });
  }

  get open() {
    return this.name !== null;
  }

  /** Open the sheet `name`, or draw it again when it is the open one. */
  show(name, extra = null) {
    if (!this.open) this.from = document.activeElement;
    this.name = name;
    this.extra = extra;
    this.drawn = "";
    document.body.dataset.sheet = name;
    setHidden(this.root, false);
    this.draw();
    this.root.querySelector(".sheet-keys .primary, .sheet-close")?.focus({ focusVisible: false });
  }

  close() {
    if (!this.open) return;
    this.name = null;
    this.extra = null;
    delete document.body.dataset.sheet;
    setHidden(this.root, true);
    this.root.replaceChildren();
    if (this.from?.isConnected && this.from !== document.body) this.from.focus();
  }

  /** Draw again after a change of state; nothing happens when it says the same as before. */
  refresh() {
    if (!this.open) return;
    if (this.name === "printer") this.fetchJobs();
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
    const drawer = { hub: "drawHub", node: "drawNode", printer: "drawPrinter", keys: "drawKeys", price: "drawPrice", who: "drawWho", training: "drawTraining" }[this.name];
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
    const title = t("state.hub_" + word);
    this.frame(title, [
      ...this.what(null, t("sheet.hub_" + word), t("sheet.hub_works")),
      facts([t("sheet.waiting_trade"), String(hub.waiting.trade)], [t("sheet.waiting_operations"), String(hub.waiting.operations)],
        hub.oldest_waiting_ms ? [t("sheet.oldest"), clockOf(hub.oldest_waiting_ms)] : null,
        hub.since_ms ? [title, t("sheet.since", { time: clockOf(hub.since_ms) })] : null),
    ], [this.refreshKey()]);
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

  drawTraining() {
    this.frame(t("sheet.training_title"), this.what(null, t("sheet.training_what"), t("sheet.training_works")), []);
  }

  drawWho() {
    const { app } = this;
    this.frame(t("sheet.who_title"), [
      el("p", { class: "says", text: app.session ? app.session.cashier.name : "" }),
      el("p", { class: "works", text: t("sheet.sign_out_note") }),
    ], [el("button", { class: "key", testid: "sign-out", text: t("sheet.sign_out"), onclick: () => app.signOut() })]);
  }

  drawPrice() {
    const { old_fen, new_fen, go } = this.extra;
    this.frame(t("sheet.price_title"), [
      el("p", { class: "says", text: t("sheet.price_what") }),
      el("dl", { class: "price-pair" },
        el("dt", { text: t("sheet.price_old") }), el("dd", { class: "old", testid: "price-old", text: money(old_fen) }),
        el("dt", { text: t("sheet.price_new") }), el("dd", { testid: "price-new", text: money(new_fen) })),
    ], [el("button", { class: "key primary", testid: "price-go", text: t("sheet.price_go", { amount: money(new_fen) }), onclick: () => { this.close(); go(); } })]);
  }

  drawKeys() {
    const rows = [
      [["F2"], "keys.search"], [["3", "*"], "keys.quantity"], [["F9"], "keys.exact"], [["F12"], "keys.pay"], [["Ctrl", "Z"], "keys.undo"],
      [["\u2191", "\u2193"], "keys.lines"], [["+", "\u2212"], "keys.more"], [["Delete"], "keys.remove"], [["Tab"], "keys.tab"],
      [["Enter"], "keys.enter"], [["Esc"], "keys.back"], [["?"], "keys.all"],
    ];
    this.frame(t("sheet.keys"), [el("dl", { class: "key-list" }, ...rows.flatMap(([keys, word]) =>
      [el("dt", {}, ...kbd(...keys)), el("dd", { text: t(word) })]))], []);
  }

  drawPrinter() {
    const { status, node_away } = this.app;
    const said = node_away || !status ? "unknown" : status.printer.state;
    const state = faultOf(said) ?? said;
    const since_ms = !node_away && status?.printer.since_ms;
    if (this.jobs === undefined) this.fetchJobs();
    const roll = status?.printer.roll_url
      ? [el("a", { class: "key", href: status.printer.roll_url, target: "_blank", rel: "noopener", "data-testid": "roll-link" }, icon("open"), el("span", { text: t("sheet.roll") }))]
      : [];
    this.frame(t("state.printer_" + state), [
      ...this.what(null, t("sheet.printer_" + state), t("sheet.printer_works")),
      since_ms ? el("p", { class: "quiet", text: t("sheet.since", { time: clockOf(since_ms) }) }) : null,
      el("h3", { text: t("sheet.slips") }),
      ...this.slips(),
    ].filter(Boolean), [...roll, this.refreshKey()]);
  }

  slips() {
    if (this.message) return [el("p", { class: "sheet-error", role: "alert", text: this.message })];
    if (this.jobs === undefined) return [el("p", { class: "quiet", text: t("sheet.fetching") })];
    if (this.jobs === null) return [el("p", { class: "quiet", text: t("sheet.unread") })];
    if (!this.jobs.length) return [el("p", { class: "quiet", testid: "slips-none", text: t("sheet.slips_none") })];
    return [el("ul", { class: "slips" }, ...this.jobs.map((job) => this.slip(job)))];
  }

  slip(job) {
    // A reason that this page has no word for says no more than "fault"; its raw name helps nobody at the till.
    const reason = job.reason ? t("job.reason_" + (hasWord("job.reason_" + job.reason) ? job.reason : "error")) : "";
    const copy = job.copy > 0 ? t("job.copy", { n: job.copy }) : "";
    const facts = [clockOf(job.created_ms), t("job." + job.state), reason, copy].filter(Boolean).join("\u00b7");
    const keys = PARKED.includes(job.state) ? [
      el("button", { class: "key", testid: "retry-" + job.id, text: t(job.state === "unknown" ? "sheet.retry" : "sheet.retry_held"), onclick: () => this.act(job.id, "retry") }),
      el("button", { class: "key danger", testid: "discard-" + job.id, text: t("sheet.discard"), "aria-expanded": this.discarding === job.id ? "true" : "false",
        onclick: () => { this.discarding = this.discarding === job.id ? null : job.id; this.draw(); } }),
    ] : [];
    const why = this.discarding === job.id ? el("div", { class: "why", role: "group", "aria-label": t("sheet.discard_why") }, el("span", { text: t("sheet.discard_why") }),
      ...["guest_left", "already_printed", "test"].map((reasonKey) => el("button", { class: "key danger", testid: "discard-why-" + reasonKey, text: t("discard." + reasonKey),
        onclick: () => this.act(job.id, "discard", { reason: t("discard." + reasonKey) }) }))) : null;
    return el("li", { testid: "slip-" + job.id, "data-state": job.state },
      el("p", {}, el("span", { class: "dot " + (PARKED.includes(job.state) ? "fault" : "ring"), "aria-hidden": "true" }),
        el("b", { text: t("sheet.slip_number", { number: job.receipt_no }) }), el("span", { text: facts })),
      el("div", { class: "slip-keys-row" }, ...keys), why);
  }

  async fetchJobs() {
    if (this.fetching) return;
    this.fetching = true;
    try {
      const { body } = await ask("GET", "/print-jobs?open=1");
      this.jobs = body.jobs;
      this.message = "";
    } catch {
      this.jobs = null;
    } finally {
      this.fetching = false;
    }
    if (this.name === "printer") this.draw();
  }

  async act(id, verb, body = {}) {
    try {
      await ask("POST", `/print-jobs/${encodeURIComponent(id)}/${verb}`, { body });
      this.message = "";
      this.discarding = null;
    } catch (error) {
      this.message = error.code ? errorText(error) : t("sheet.unread");
      if (this.name === "printer") this.draw();
      return;
    }
    await this.fetchJobs();
  }
}
