// Who is at the till: signing in and out, what was kept for them, and what the table of roles lets them do.

import { ask, Refused } from "./api.js";
import { byId } from "./dom.js";
import { uuid7 } from "./ids.js";
import { tellOpening } from "./opening.js";
import { applyLanguage, lastTill, rememberTill, takeLanguageOf } from "./settings.js";
import { SignIn } from "./sign_in.js";
import { showToast } from "./toast.js";
import { keep, load } from "./vault.js";
import { errorText, localeTag, t } from "./words.js";

export class Who {
  constructor(app) {
    this.app = app;
    this.session = null;
    this.since_ms = 0;
    /** Locked here while the node may still take the old session for a moment. */
    this.locked = false;
    this.signIn = new SignIn(byId("sign-in"), (answer) => this.signedIn(answer));
  }

  get till() {
    return this.session ? this.session.till : "";
  }

  /** Whether the table lets who is here do something alone; a session from before roles may sell and no more. */
  may(action) {
    return this.session?.may?.includes(action) ?? false;
  }

  /** Whether they may do it with another person's word. */
  asks(action) {
    return this.session?.asks?.includes(action) ?? false;
  }

  async enter(session) {
    const { app } = this;
    this.session = session;
    this.since_ms = performance.now();
    rememberTill(session.till);
    applyLanguage(session.till);
    await app.basket.read();
    const [last, aside, pending] = await load([app.kept("last"), app.kept("aside"), app.kept("pending")]);
    app.last = last || null;
    app.aside = aside || [];
    await app.paying.ways.restore();
    await app.members.restore();
    app.deeds.resume();
    await app.tables.restore();
    this.signIn.hide();
    app.screen.relabel();
    app.screen.setView("order");
    if (pending) app.submitter.resume(pending);
    else app.submitter.run();
    app.screen.draw();
  }

  async signedIn(answer) {
    this.locked = false;
    takeLanguageOf(answer);
    await keep({ session: answer });
    await this.enter(answer);
    // The stream was opened by nobody in particular; the new one knows who listens.
    this.app.link.openStream();
    await this.app.node.refreshMenu();
    await this.app.node.readHouse();
    await tellOpening(this.app);
  }

  signedOut(note = null) {
    const { app } = this;
    this.session = null;
    app.sheets.close();
    app.paying.ways.close();
    app.desk.page = null;
    keep({ session: null });
    app.screen.setView("sign-in");
    this.ask(note);
  }

  /** Show the sign-in page; `note` is the word key of a line that says why. */
  ask(note = null) {
    const { tills, store } = this.app.status || { tills: [lastTill()].filter(Boolean), store: null };
    this.signIn.show(tills, lastTill(), store, () => this.app.screen.signInExtras(), note);
  }

  async signOut() {
    try {
      await ask("DELETE", "/session");
    } catch (error) {
      this.app.sheets.close();
      showToast(error instanceof Refused ? errorText(error) : t("toast.signed_in_first"));
      return;
    }
    this.signedOut();
  }

  /** The language of now is the one that this person reads at every till. */
  async keepLanguage() {
    try {
      await ask("POST", "/session/locale", { body: { request_id: uuid7(), locale: localeTag() } });
      this.app.sheets.close();
      showToast(t("who.language_kept"));
    } catch (error) {
      showToast(error instanceof Refused ? errorText(error) : t("notice.node_away"));
    }
  }

  /** What the node says of the session; `asked_ms` is when it was asked, null off the stream. */
  heard(status, asked_ms) {
    const { app } = this;
    if (this.session && !status.signed_in) {
      // A stream that was opened before the sign-in still says "nobody"; only a fresh answer counts.
      if (asked_ms === null) app.link.question();
      else if (asked_ms > this.since_ms) this.signedOut(app.submitter.pending ? "sign_in.waiting_sale" : null);
    } else if (!this.session && status.signed_in && asked_ms !== null && !this.locked) {
      this.signedIn({ till: status.till, cashier: status.cashier });
    } else if (!this.session && app.view !== "sign-in") {
      app.screen.setView("sign-in");
      this.ask();
    } else if (app.view === "sign-in" && String(this.signIn.tills) !== String(status.tills)) this.ask();
  }

  /** What the session is, told anew by the node. */
  told(more) {
    if (this.session) this.session = { ...this.session, ...more };
  }

  /** A reload while the node is away still shows whose till this is. */
  rememberStore({ store }) {
    const { session } = this;
    if (!session || (session.store && session.store.name.zh === store.name.zh && session.store.name.en === store.name.en)) return;
    this.told({ store });
    keep({ session: this.session });
  }
}
