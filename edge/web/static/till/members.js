// The member whose bill lies in the slip: asked for by phone, code or card, made a member by two keys more, shown as a strip over the lines.

import { ask, Refused } from "./api.js";
import { askFor } from "./ask_sheet.js";
import { beep } from "./beep.js";
import { byId, el, setHidden, setText } from "./dom.js";
import { uuid7 } from "./ids.js";
import { showMember } from "./member_sheet.js";
import { money } from "./money.js";
import { showToast } from "./toast.js";
import { keep, load } from "./vault.js";
import { errorText, localeTag, t } from "./words.js";

const PHONE = /^(\+\d{8,15}|1[3-9]\d{9})$/;
const CHARS_MAX = 32;
const KEPT_MAX = 60;
/** The version of what is read out to a guest who joins at the till. */
const TEXT_VERSION = "till-1";

export function sentence(error) {
  return error instanceof Refused ? errorText(error) : t("notice.node_away");
}

/** What one line says of a member: never more than the node shows masked. */
export function memberLine(one) {
  return [one.name, one.phone, one.tier, t("member.points_n", { n: one.points })].filter(Boolean).join("\u00b7");
}

/** The one thing to know first, as a sentence. */
export function adviceOf({ advice }) {
  return advice.code ? t("member.advice_" + advice.code, { text: advice.text ?? "", points: advice.points ?? 0, days: advice.days ?? 0 }) : "";
}

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

  idOf(key) {
    return (this.till === this.app.till && this.of?.[key]) || "";
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

  /** A basket became an order: it is still the same guest's, and their allergies go to the kitchen with it. */
  moved(from, order_id) {
    const member_id = this.idOf(from);
    if (!member_id) return;
    this.set(from, "");
    this.set(order_id, member_id);
    this.app.tab.steps.settled().then(() => this.told(member_id, order_id, "code")).catch(() => {});
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
    else await this.askWho(this.key);
  }

  async askWho(key) {
    const { app } = this;
    const state = { offered: "", sheet: null, request_id: uuid7() };
    app.scans?.grab({ screen: "member", kinds: ["member", "unknown"], take: (value) => {
      beep(true);
      const sheet = app.sheets.extra;
      if (app.sheets.name !== "member" || !value) return;
      sheet.set(value);
      sheet.send();
    } });
    await askFor(app, { name: "member", title: t("member.title"), says: t("member.says"), works: t("member.works"), primary: t("member.find"),
      fields: [{ name: "text", kind: "digits", letters: true, label: t("member.text"), chars: CHARS_MAX }],
      check: ({ text }) => {
        // What the main key does follows what stands there: another number is looked for first.
        if (state.sheet) setText(state.sheet.go, t(state.offered && text === state.offered ? "member.join" : "member.find"));
        return null;
      },
      act: async ({ text }, sheet) => {
        state.sheet = sheet;
        return text === state.offered ? this.join(key, text, state) : this.find(key, text, state);
      } }).finally(() => app.scans?.release());
  }

  /** Look for them; says why nobody came of it, nothing when somebody did. */
  async find(key, text, state) {
    try {
      const { body } = await ask("POST", "/members/find", { body: { text } });
      if (body.members.length === 1) {
        await this.take(key, body.members[0].member_id, body.by);
        return null;
      }
      if (body.members.length > 1) {
        setTimeout(() => this.choose(key, body));
        return null;
      }
      if (!PHONE.test(text)) return t(body.asked === "unknown" ? "member.nobody_here" : "member.nobody");
      state.offered = text;
      return t(body.asked === "unknown" ? "member.join_unknown" : "member.join_says");
    } catch (error) {
      return sentence(error);
    }
  }

  /** The guest said yes to what was read out; the receipt printed just now is theirs where nothing lies in the slip. */
  async join(key, phone, state) {
    const { app } = this;
    const last = app.order.isEmpty && !app.tab.isOpen && app.last ? app.last.sale.sale_id : "";
    try {
      const { body } = await ask("POST", "/members", { body: { request_id: state.request_id, consents: ["membership"], text: TEXT_VERSION,
        said: { phone, locale: localeTag() }, ...(last ? { sale_id: last } : {}) } });
      await this.take(key, body.member_id, "phone");
      showToast(t(body.existing ? "member.was_one" : body.claimed ? "member.joined_claimed" : "member.joined", { points: body.welcome ?? 0, claimed: body.claimed ?? 0 }));
      return null;
    } catch (error) {
      // What was refused is over; what was not answered is asked for again under the same id.
      if (error instanceof Refused) state.request_id = uuid7();
      return sentence(error);
    }
  }

  choose(key, { members, by }) {
    const { app } = this;
    app.sheets.show("member-which", { draw: (sheets) => sheets.frame(t("member.which"), [el("ul", { class: "recall-rows" }, ...members.map((one) => el("li", {},
      el("button", { class: "away-order", testid: "member-" + one.member_id, onclick: () => { sheets.close(); this.take(key, one.member_id, by); } },
        el("b", { text: one.name || one.phone || t("member.sealed") }), el("span", { text: one.phone }), el("strong", { text: t("member.points_n", { n: one.points }) })))))], []) });
  }

  /** They are here: the slip is theirs, and the kitchen hears what they must not eat. */
  async take(key, member_id, by) {
    this.set(key, member_id);
    await this.read(member_id);
    const order_id = this.app.tab.isOpen && this.app.tab.order_id === key ? key : "";
    this.told(member_id, order_id, by).catch(() => {});
  }

  told(member_id, order_id, by, sign_in = false) {
    return this.app.deeds.send("/members/seen", { request_id: uuid7(), member_id, by, ...(order_id ? { order_id } : {}), ...(sign_in ? { sign_in } : {}) });
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
    const spend = one?.spendable ? t("member.spendable", { n: one.spendable, worth: money(one.worth_fen) }) : "";
    setText(byId("slip-member-who"), one ? [memberLine(one), spend].filter(Boolean).join("\u00b7") : t("member.reading"));
    setText(byId("slip-member-says"), one ? adviceOf(one) : "");
    root.classList.toggle("allergy", Boolean(one?.allergies.length));
  }
}
