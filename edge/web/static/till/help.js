// Help in the till: what to do when something happens, in a few sentences, and every key.

import { el, kbd } from "./dom.js";
import { PLACES, SHORTCUTS } from "./shortcuts.js";
import { t } from "./words.js";

/** What people ask; each has a question and an answer in the words. */
const TOPICS = ["wrong_dish", "printer", "network", "node", "code_unknown", "refund", "table", "sold_out", "guests", "lock"];

export class Help {
  constructor(app) {
    this.app = app;
    this.page = "keys";
  }

  get open() {
    return this.app.sheets.name === "keys";
  }

  show(page = "keys") {
    this.page = page;
    this.app.sheets.show("keys", { draw: (sheets) => this.draw(sheets) });
  }

  draw(sheets) {
    const tab = (page) => el("button", { class: "key", testid: "help-" + page, "aria-pressed": this.page === page ? "true" : "false", text: t("help." + page),
      onclick: () => { this.page = page; this.draw(sheets); } });
    sheets.frame(t("help.title"), [
      el("div", { class: "help-tabs", role: "group", "aria-label": t("help.title") }, tab("keys"), tab("topics")),
      ...(this.page === "keys" ? this.keys() : this.topics())], []);
  }

  keys() {
    return [el("div", { class: "key-groups" }, ...PLACES.map((place) => el("section", {}, el("h3", { text: t("help.at_" + place) }),
      el("dl", { class: "key-list" }, ...SHORTCUTS.filter(([at]) => at === place).flatMap(([, keys, word]) => [el("dt", {}, ...kbd(...keys)), el("dd", { text: t(word) })])))))];
  }

  topics() {
    return [el("dl", { class: "help-topics" }, ...TOPICS.flatMap((topic) => [el("dt", { text: t(`help.${topic}_q`) }), el("dd", { text: t(`help.${topic}_a`) })]))];
  }
}
