// The ways to pay beside cash, in any mix: noted by hand, charged by code, taken before. What was taken outlives a reload and a lost answer.

import { ask } from "./api.js";
import { CodePay } from "./code_pay.js";
import { el, icon, kbd } from "./dom.js";
import { uuid7 } from "./ids.js";
import { amount } from "./money.js";
import { card, deposit, points, printedCode, tip } from "./pay_noted.js";
import { emptyDoc, Tab } from "./pay_tab.js";
import { SplitSheet } from "./split.js";
import { takeParts } from "./split_share.js";
import { keep, load } from "./vault.js";
import { getLanguage, t } from "./words.js";

const DOCS_MAX = 30;

export class PayWays {
  constructor(app, paying) {
    this.app = app;
    this.paying = paying;
    this.job = null;
    this.tab = null;
    this.docs = {};
    this.made = "";
    this.code = new CodePay(app, this);
  }

  // --- what is kept ---

  /** Read what was half paid at this till before a reload or a lock. */
  async restore() {
    const [docs] = await load([this.app.kept("paying")]);
    this.docs = docs ?? {};
  }

  hasKept(key) {
    return Boolean(this.docs[key]?.parts.length);
  }

  /** What was taken for the bill of `key` and is kept: payments that count, and cash that was counted before another way. */
  takenFen(key) {
    const doc = this.docs[key];
    return doc ? doc.held_fen + new Tab(0, "none", doc).counted.reduce((sum, part) => sum + part.amount_fen, 0) : 0;
  }

  /** Remember which share of a bill is next, for who leaves the page between two of them. */
  keepSplit(key, sale_id, split) {
    this.docs[key] ??= emptyDoc(sale_id);
    this.docs[key].split = split;
  }

  /** The share that is next of the bill of `key`, or null; the last one takes whatever is left, the others hold while the bill does. */
  splitOf(key, bill_fen) {
    const split = this.docs[key]?.split;
    return split && (split.k === split.of || split.bill_fen === bill_fen) ? split : null;
  }

  dropSplit(key) {
    if (this.docs[key]) this.docs[key].split = null;
  }

  save() {
    const { doc } = this.tab;
    this.docs[this.job.key] = doc;
    const keys = Object.keys(this.docs);
    for (const key of keys.slice(0, Math.max(0, keys.length - DOCS_MAX))) delete this.docs[key];
    return keep({ [this.app.kept("paying")]: this.docs }).catch(() => {});
  }

  /** The entries of the vault once the bill of `key` is paid. */
  forgotten(key) {
    if (!(key in this.docs)) return {};
    delete this.docs[key];
    return { [this.app.kept("paying")]: this.docs };
  }

  // --- the page ---

  async open(job, received_fen = null) {
    const { app } = this;
    this.job = job;
    const doc = this.docs[job.key] ?? emptyDoc(job.sale_id ?? uuid7());
    // A share is a payment towards the bill; only what closes the bill is rounded.
    this.tab = job.share ? new Tab(job.share.fen, "none", doc) : new Tab(job.bill_fen, app.house?.rounding, doc);
    this.taking = false;
    this.note = job.note ?? "";
    app.pay.open(this.tab.cash_fen, app.status?.quick_cash_fen || [1000, 2000, 5000, 10000], job.title, received_fen);
    this.say(this.note);
    // A basket with nothing on it asks the node for nothing.
    if (job.order || doc.parts.length) await this.readTaken(job);
  }

  close() {
    this.job = null;
    this.tab = null;
  }

  /** What was taken towards the bill before, here or at another till; what is not decided yet goes on being watched. */
  async readTaken(job) {
    // What is taken while the question is under way is not in its answer.
    const before = new Set(this.tab.parts);
    try {
      const { body } = await ask("GET", "/payments?order_id=" + job.target);
      if (this.job !== job) return;
      const listed = new Map(body.payments.map((one) => [one.payment_id, one]));
      // What the node does not know (any more) is no money; deposits and what was noted by hand are none of these.
      const parts = this.tab.parts.filter((part) => !part.state || !before.has(part) || listed.has(part.payment_id));
      for (const part of parts) if (before.has(part)) part.state = listed.get(part.payment_id)?.state ?? part.state;
      // All that was taken belongs to whatever closes the bill, and to no part of it before.
      const closes = !job.share && (job.order?.bill.closes ?? true);
      for (const one of closes ? body.payments : []) {
        if (!parts.some((part) => part.payment_id === one.payment_id)) parts.push({ kind: one.kind, payment_id: one.payment_id, amount_fen: one.amount_fen, state: one.state });
      }
      this.tab.doc.parts = parts;
    } catch {
      // What the page knows itself stays; the node refuses whatever would be paid twice.
    }
    this.changed();
    const { undecided } = this.tab;
    if (undecided) this.code.watch(undecided);
  }

  /** Draw what changed and keep it. */
  changed() {
    if (!this.tab) return;
    this.save();
    this.app.pay.redue(Math.max(0, this.tab.cash_fen - this.tab.doc.held_fen));
  }

  say(text) {
    this.note = text;
    const { view } = this.app.pay;
    if (!view) return;
    view.note.textContent = text || t("pay.hint");
    view.note.toggleAttribute("data-note", Boolean(text));
  }

  way(word, testid, picture, press, keys = [], chosen = false) {
    return el("button", { class: "key way", testid, "aria-pressed": chosen ? "true" : null, onclick: press }, icon(picture), el("span", { text: t(word) }), ...kbd(...keys));
  }

  /** The keys of the left column; the same nodes for as long as they say the same. */
  keys() {
    const takes = !this.job?.share && this.app.members.on;
    const made = getLanguage() + Boolean(this.job?.share) + takes;
    if (made === this.made) return this.made_keys;
    this.made = made;
    this.made_keys = [
      this.way("pay.cash", "way-cash", "cash", () => this.app.pay.setFen(this.app.pay.due_fen), ["F9"], true),
      this.way("pay.code", "way-code", "scanner", () => this.code.ask(), ["F10"]),
      this.way("pay.card", "way-card", "card", () => card(this)),
      this.way("pay.static", "way-static", "tag", () => printedCode(this)),
      ...(this.job?.share ? [] : [this.way("pay.deposit", "way-deposit", "receipt", () => deposit(this))]),
      ...(takes ? [this.way("pay.points", "way-points", "person", () => points(this))] : []),
      this.way("pay.split", "way-split", "open", () => this.split()),
    ];
    return this.made_keys;
  }

  taken(received_fen, missing_fen) {
    const { tab } = this;
    const row = (word, fen, testid, keys = [], quiet = "") => el("p", quiet ? { class: quiet } : {}, el("span", { text: word }),
      el("b", { testid, text: amount(fen) }), ...keys);
    const parts = tab.parts.map((part) => this.partRow(part));
    return [
      el("header", {}, el("h3", { text: t("pay.taken") }), el("button", { class: "key quiet tip", testid: "tip", text: tab.doc.tip_fen ? t("pay.tip_is", { amount: amount(tab.doc.tip_fen) }) : t("pay.tip"), onclick: () => tip(this) })),
      ...parts,
      ...(tab.needs_cash ? [row(t("pay.cash"), tab.doc.held_fen + received_fen, "taken-cash", tab.doc.held_fen ? [this.removeKey(() => { tab.doc.held_fen = 0; })] : [])] : []),
      ...(tab.over_fen ? [row(t("pay.over"), tab.over_fen, "over", [], "over")] : []),
      row(t("pay.missing"), missing_fen, "missing", [], "missing"),
    ];
  }

  removeKey(remove) {
    return el("button", { class: "key quiet remove", testid: "part-remove", "aria-label": t("pay.take_back"), onclick: () => { remove(); this.changed(); } }, icon("close"));
  }

  partRow(part) {
    const word = part.label ? `${t("way." + part.kind)} ${part.label}` : t("way." + part.kind);
    const state = part.state && part.state !== "taken" ? el("em", { text: t("code.state_" + part.state) }) : null;
    let key = null;
    if (!part.state) key = this.removeKey(() => { this.tab.doc.parts = this.tab.parts.filter((each) => each !== part); });
    else if (part.state === "unknown" || part.state === "sent" || part.state === "asking") key = el("button", { class: "key", testid: "part-look", text: t("code.look"), onclick: () => this.code.show(part) });
    else if (part.state === "taken") key = el("button", { class: "key quiet", testid: "part-return", text: t("pay.return"), onclick: () => this.code.giveBack(part) });
    return el("p", { testid: "part-" + part.kind, "data-state": part.state ?? "noted" }, el("span", { text: word }), state, el("b", { text: amount(part.amount_fen) }), key);
  }

  add(part) {
    this.tab.parts.push(part);
    this.app.pay.text = "";
    this.app.pay.fresh = true;
    this.changed();
  }

  /** "Next": the cash that was counted is held, and another way pays the rest. */
  next() {
    const { pay } = this.app;
    if (pay.received_fen <= 0 || pay.received_fen >= pay.due_fen || this.tab.undecided) return;
    this.tab.doc.held_fen += pay.received_fen;
    pay.text = "";
    this.changed();
  }

  // --- other ways than cash ---

  wanted() {
    return this.app.pay.typedFen(this.tab.left_fen);
  }

  /** Whether another way can take something now; says why not. */
  ready() {
    if (!this.tab || this.tab.left_fen <= 0) return false;
    if (this.taking) {
      // What came in now would belong to no share: the page is about to open for the next one.
      this.say(t("pay.taking"));
      return false;
    }
    if (this.tab.undecided) {
      this.code.show(this.tab.undecided);
      return false;
    }
    return true;
  }

  // --- splitting ---

  split() {
    if (this.tab.undecided) this.code.show(this.tab.undecided);
    else new SplitSheet(this.app, this).show();
  }

  /** The share of one guest is taken as payments; the last share pays the bill. */
  async takeShare(received_fen) {
    const { job, tab } = this;
    if (this.taking) return;
    // Until the page stands for the next share: what comes in between would belong to neither.
    this.taking = true;
    try {
      await this.takeAndGoOn(job, tab, received_fen);
    } finally {
      this.taking = false;
    }
  }

  async takeAndGoOn(job, tab, received_fen) {
    const change_fen = Math.max(0, received_fen - tab.cash_fen);
    const said = await takeParts(job.target, tab, received_fen, () => this.save());
    if (said) {
      this.changed();
      this.say(said);
      return;
    }
    if (!job.order) {
      // A basket's sale names what was taken for it; the node lists it under the sale's id.
      const doc = this.docs[job.sale_id] ?? emptyDoc(job.sale_id);
      const cash = tab.doc.cash_id ? [{ kind: "cash", payment_id: tab.doc.cash_id, amount_fen: tab.open_fen, state: "taken" }] : [];
      doc.parts = [...doc.parts, ...tab.counted, ...cash];
      this.docs[job.sale_id] = doc;
    }
    await keep({ ...this.forgotten(job.key), [this.app.kept("paying")]: this.docs });
    const { k, of, fens } = job.share;
    await this.paying.openNext(job, { k: k + 1, of, fens }, t("split.taken", { k, of, change: amount(change_fen) }));
  }
}
