// The member whose bill lies in the slip: asked for by phone, code or card, made a member by two keys more, shown as a strip over the lines.

import { ask, Refused } from "./api.js";
import { beep } from "./beep.js";
import { byId, el, setHidden, setText } from "./dom.js";
import { uuid7 } from "./ids.js";
import { inviteSays, MemberAsk } from "./member_ask.js";
import { showMember } from "./member_sheet.js";
import { adviceOf, allergyOf, calledOf, gainOf, sentence } from "./member_words.js";
import { money } from "./money.js";
import { price } from "./order.js";
import { showToast } from "./toast.js";
import { keep, load } from "./vault.js";
import { t } from "./words.js";

const KEPT_MAX = 60;
/** Kept where somebody took the member off an order and the node does not know it yet. */
const NOBODY = "-";

export class Members {
  constructor(app) {
    this.app = app;
    /** Whose each bill is, by its order or basket: ids only, since this outlives a reload. */
    this.of = null;
    this.till = "";
    /** What the node said of them; never on the disk. */
    this.views = new Map();
    this.asked = new Set();
    byId("slip-member").addEventListener("click", () => this.open());
  }

  // --- whose bill it is ---

  /** Whether this store has members, and who is here may see them. */
  get on() {
    return Boolean(this.app.session?.members) && this.app.may("members");
  }

  /** What the member of the slip is kept under. */
  get key() {
    const { app } = this;
    if (app.view === "pay" && app.paying.ways.job) return app.paying.ways.job.target;
    return app.tab.isOpen ? app.tab.order_id : app.order.cart.sale_id;
  }

  /** Whose bill it is: what was said at this till and the node has not answered yet, then what the node says of the order. */
  idOf(key) {
    const own = this.till === this.app.till ? this.of?.[key] : undefined;
    if (own) return own === NOBODY ? "" : own;
    const { tab } = this.app;
    return (tab.isOpen && tab.order_id === key && tab.view?.member_id) || "";
  }

  /** What the slip's member is shown by, or null. */
  get here() {
    return this.views.get(this.idOf(this.key)) ?? null;
  }

  async restore() {
    const [kept] = await load([this.app.kept("members")]);
    this.till = this.app.till;
    this.of = kept ?? {};
    this.views.clear();
    this.asked.clear();
  }

  set(key, member_id) {
    this.of ??= {};
    if (member_id) this.of[key] = member_id;
    else delete this.of[key];
    const keys = Object.keys(this.of);
    for (const old of keys.slice(0, Math.max(0, keys.length - KEPT_MAX))) delete this.of[old];
    keep({ [this.app.kept("members")]: this.of }).catch(() => {});
    this.app.screen.draw();
  }

  /** A basket became an order, or lies on one now (`shown` = that was read): it is still the same guest's, unless the table is somebody's already. */
  async moved(from, order_id, shown = null) {
    const member_id = this.idOf(from);
    if (!member_id) return;
    this.set(from, "");
    await shown?.catch(() => {});
    if (this.idOf(order_id)) return;
    this.set(order_id, member_id);
    await this.app.tab.steps.settled();
    this.tellOrder(member_id, order_id, "code").catch(() => {});
  }

  /** Tell the node whose order it is; from then on its word counts, for every till. */
  async tellOrder(member_id, order_id, by, off = false) {
    await this.told(member_id, order_id, by, off ? { off } : {});
    const { view } = this.app.tab;
    if (this.app.tab.order_id === order_id && view) view.member_id = off ? "" : member_id;
    const own = off ? NOBODY : member_id;
    if (this.of?.[order_id] === own && view && this.app.tab.order_id === order_id) this.set(order_id, "");
  }

  /** Whether the slip may be somebody else's: not while their points lie on it. */
  mayChange(key) {
    const paid = this.app.paying.ways.docs[key]?.parts.some((part) => part.kind === "points");
    if (paid) showToast(t("member.points_on_it"));
    return !paid;
  }

  /** Off the slip again. */
  takeOff(key) {
    const member_id = this.idOf(key);
    if (!member_id) return;
    const order_id = this.app.tab.order_id === key ? key : "";
    this.set(key, order_id ? NOBODY : "");
    if (order_id) this.tellOrder(member_id, order_id, "code", true).catch(() => {});
  }

  /** What a bill's request says of whose it is. */
  onBill(key) {
    const member_id = this.idOf(key);
    return member_id ? { member_id } : {};
  }

  // --- asking ---

  /** F3: who is it? With a member in the slip, what is known of them. */
  async open() {
    const { app } = this;
    if (!this.on || app.sheets.extra?.holds || app.submitter.pending) return;
    if (this.idOf(this.key)) await showMember(app, this.idOf(this.key));
    else await this.askWho();
  }

  askWho(scanned = {}) {
    return new MemberAsk(this, this.key, scanned).open();
  }

  /** A member's code or card was scanned over the order: theirs is the slip, without a key. */
  async scanned(value) {
    const { key } = this;
    try {
      const { body } = await ask("POST", "/members/find", { body: { text: value } });
      beep(true);
      if (body.members.length === 1) await this.take(key, body.members[0].member_id, body.by);
      else if (body.members.length) this.choose(key, body);
      else await this.askWho({ card: value });
    } catch (error) {
      this.app.scans.explain(sentence(error));
    }
  }

  /** A receipt that counts: one key makes a member of whoever shows it, or gives its points to the member in the slip. */
  async invited(invite) {
    try {
      const { body } = await ask("POST", "/invites/verify", { body: { code: invite } });
      if (body.verdict !== "valid") this.app.scans.explain(t("scan.invite_" + body.verdict));
      else await this.askWho({ invite, says: inviteSays(body) });
    } catch (error) {
      this.app.scans.explain(sentence(error));
    }
  }

  choose(key, { members, by }) {
    const { app } = this;
    app.sheets.show("member-which", { draw: (sheets) => sheets.frame(t("member.which"), [el("ul", { class: "recall-rows" }, ...members.map((one) => el("li", {},
      el("button", { class: "away-order", testid: "member-" + one.member_id, onclick: () => { sheets.close(); this.take(key, one.member_id, by); } },
        el("b", { text: calledOf(one) }), el("span", { text: one.tier }), el("strong", { text: t("member.points_n", { n: one.points }) })))))], []) });
  }

  /** They are here: the slip is theirs, and the kitchen hears what they must not eat. */
  async take(key, member_id, by) {
    this.set(key, member_id);
    await this.read(member_id);
    if (this.app.tab.order_id === key) this.tellOrder(member_id, key, by).catch(() => {});
    else this.told(member_id, "", by).catch(() => {});
  }

  /** The bill that lies paid in the slip is a member's after all: its points are theirs, and it says so. */
  async paidBy(sale, { member_id, claimed }) {
    const { app } = this;
    const one = await this.read(member_id);
    if (!claimed || app.last?.sale !== sale) return;
    app.last = { ...app.last, sale: { ...sale, member_id, points: { ...sale.points, balance: one?.points } } };
    app.screen.drawnLast = null;
    app.screen.draw();
    keep({ [app.kept("last")]: app.last }).catch(() => {});
  }

  told(member_id, order_id, by, more = {}) {
    return this.app.deeds.send("/members/seen", { request_id: uuid7(), member_id, by, ...(order_id ? { order_id } : {}), ...more });
  }

  async read(member_id) {
    try {
      const { body } = await ask("GET", "/members/" + member_id);
      this.views.set(member_id, body);
    } catch (error) {
      // Somebody who left is nobody's bill any more; anything else is asked for again when it is looked at.
      if (error instanceof Refused && error.status === 404) for (const [key, one] of Object.entries(this.of ?? {})) if (one === member_id) this.set(key, "");
    }
    this.app.screen.draw();
    return this.views.get(member_id) ?? null;
  }

  // --- the strip ---

  draw() {
    const { app } = this;
    const member_id = app.session ? this.idOf(this.key) : "";
    const root = byId("slip-member");
    setHidden(root, !member_id);
    if (!member_id) return;
    const one = this.views.get(member_id);
    if (!one && !this.asked.has(member_id) && !app.node_away) {
      this.asked.add(member_id);
      this.read(member_id);
    }
    setText(byId("slip-member-who"), one ? calledOf(one) : t("member.reading"));
    setText(byId("slip-member-tier"), one ? [one.tier, t("member.points_n", { n: one.points })].filter(Boolean).join("\u00b7") : "");
    const gain = one && app.menu ? gainOf(one, this.billFen()) : 0;
    setText(byId("slip-member-gain"), gain ? t("member.gain", { n: gain }) : "");
    const spend = one?.worth_fen ? t("member.spendable", { n: one.spendable, worth: money(one.worth_fen) }) : "";
    setText(byId("slip-member-says"), one ? allergyOf(one) || (one.advice.code === "spend" ? spend : adviceOf(one)) || spend : "");
    root.classList.toggle("allergy", Boolean(one?.allergies.length));
  }

  billFen() {
    const { app } = this;
    return app.tab.isOpen ? app.tab.now().total_fen : price(app.menu, app.order.cart.lines).total_fen;
  }
}
