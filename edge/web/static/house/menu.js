// A menu from a file: looked at first, with every mistake by its line and every change; taken as a whole, or not at all.

import { BASE } from "../base.js";
import { ask } from "../till/api.js";
import { el } from "../till/dom.js";
import { hasWord, t } from "../till/words.js";
import { Deed, field, figures, key, section, table } from "./parts.js";

const SLOW_MS = 60000;
const CHUNK = 0x8000;

/** The bytes of a file as base64, in pieces that no argument list is too short for. */
async function encoded(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += CHUNK) text += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  return btoa(text);
}

export class Menu {
  constructor(house) {
    this.house = house;
    this.deed = new Deed();
    this.menu = null;
    this.file = null;
    this.trial = null;
  }

  async open() {
    try {
      this.menu = (await ask("GET", "/menu")).body;
    } catch (error) {
      if (error.code !== "no_menu") throw error;
    }
    this.draw();
  }

  draw() {
    const { menu, trial } = this;
    const pick = field({ name: "file", label: t("house.menu_file"), type: "file", accept: ".csv,.xlsx,.json,.toml", onchange: (event) => this.look(event.target.files[0]) });
    this.house.root.replaceChildren(
      el("div", { class: "head" }, el("h1", { text: t("house.page_menu") })),
      figures([[t("house.menu_version"), String(menu?.version ?? 0), "menu-version"], [t("house.dishes"), String(menu?.dishes.length ?? 0), "menu-dishes"], [t("house.categories"), String(menu?.categories.length ?? 0), "menu-categories"]]),
      section(t("house.menu_take"), el("p", { class: "quiet", text: t("house.menu_says") }), el("div", { class: "asks" }, pick.row,
        el("p", { class: "keys" }, el("a", { class: "key", href: BASE + "/api/v1/menu/table", download: "menu.csv", testid: "menu-table", text: t("house.menu_download") })))),
      ...(trial ? [this.trialOf(trial)] : []));
  }

  async look(file) {
    if (!file) return;
    const name = file.name;
    const content = await encoded(file);
    const found = await this.house.attempt(() => ask("POST", "/menu/try", { body: { name, content }, timeout_ms: SLOW_MS }));
    this.file = { name, content };
    this.deed = new Deed();
    this.trial = found?.body ?? null;
    if (found) this.house.hush();
    this.draw();
    this.house.root.querySelector("#trial")?.focus();
  }

  trialOf(trial) {
    const title = t("house.menu_of_file", { name: this.file.name });
    if (trial.mistakes_n) {
      return el("div", { id: "trial", tabindex: "-1", testid: "trial" }, section(title, el("p", { class: "remedy danger", text: t("house.menu_mistakes", { n: trial.mistakes_n }) }),
        table("mistakes", [[t("house.line"), "right"], [t("house.column"), ""], [t("house.wrong"), ""]], trial.mistakes.map((one) => [one.line ? String(one.line) : t("house.whole_file"), one.column ?? "", this.mistake(one)])), this.more(trial.mistakes_n, trial.mistakes.length)));
    }
    const sure = trial.big.length || trial.free.length ? field({ name: "sure", tick: true, label: t("house.menu_sure"), onchange: () => { go.disabled = !sure.input.checked; } }) : null;
    const nothing = !trial.changes_n;
    const go = key(t("house.menu_go", { n: trial.dishes }), "menu-go", () => this.take(), { class: "key primary", disabled: trial.of_hq || nothing || Boolean(sure) });
    return el("div", { id: "trial", tabindex: "-1", testid: "trial" }, section(title,
      el("p", { class: trial.of_hq ? "remedy danger" : "remedy", text: trial.of_hq ? t("error.menu_of_hq") : nothing ? t("house.menu_same") : t("house.menu_well", { n: trial.changes_n }) }),
      ...(trial.big.length ? [el("p", { class: "remedy fault", testid: "menu-big", text: t("house.menu_big", { codes: this.few(trial.big) }) })] : []),
      ...(trial.free.length ? [el("p", { class: "remedy fault", text: t("house.menu_free", { codes: this.few(trial.free) }) })] : []),
      ...(nothing ? [] : [table("changes", [[t("house.code"), ""], [t("house.dish"), ""], [t("house.what"), ""], [t("house.before"), "right"], [t("house.after"), "right"]],
        trial.changes.map((one) => [one.code, one.name === one.field ? t("house.field_" + one.field) : one.name, this.what(one), one.old, one.new])), this.more(trial.changes_n, trial.changes.length)]),
      ...(sure ? [sure.row] : []), el("p", { class: "keys end" }, go)));
  }

  more(n, shown) {
    return n > shown ? el("p", { class: "quiet", text: t("house.and_more", { n: n - shown }) }) : null;
  }

  few(codes) {
    return codes.slice(0, 12).join(", ") + (codes.length > 12 ? " \u2026" : "");
  }

  what(one) {
    if (one.what !== "changed") return t("house.change_" + one.what);
    return hasWord("house.field_" + one.field) ? t("house.field_" + one.field) : one.field;
  }

  /** A mistake in the reader's language; one that has no words of its own is told as the reader of the file says it. */
  mistake(one) {
    const word = "house.mistake_" + (one.code ?? "");
    return one.code && hasWord(word) ? t(word, Object.fromEntries(one.values ?? [])) : `${one.wrong}; ${one.remedy}`;
  }

  async take() {
    const done = await this.house.attempt(() => this.deed.send("/menu/import", { ...this.file, over: this.trial.over }, SLOW_MS));
    if (!done) return;
    this.trial = null;
    await this.house.attempt(() => this.open());
    this.house.say(t("house.menu_taken", { version: done.version, n: done.dishes }));
  }

  sentence(error) {
    return error.code === "menu_mistakes" ? t("house.menu_mistakes", { n: error.details.count }) : null;
  }
}
