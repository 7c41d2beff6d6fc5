// Live codes of this store as HQ made them: where each stands and leads now, and one of them on a slip.

import { ask } from "../till/api.js";
import { el } from "../till/dom.js";
import { nameOf, t } from "../till/words.js";
import { Deed, key, table } from "./parts.js";

export class Codes {
  constructor(house) {
    this.house = house;
    this.seen = null;
    /** The deed of each key, kept until it was answered: a lost answer is asked for again and prints no second slip. */
    this.deeds = new Map();
  }

  async open() {
    this.seen = (await ask("GET", "/live-codes")).body;
    this.draw();
  }

  draw() {
    const { seen } = this;
    if (!seen) return;
    const heads = [[t("house.code_label"), ""], [t("house.code_place"), ""], [t("house.code_leads"), ""], [t("house.code_short"), ""], ["", ""]];
    const rows = seen.codes.map((one) => ({ attrs: { "data-code": one.code_id }, cells: [
      nameOf(one.label), `${t("house.code_at_" + one.place)} ${one.at}`, t("house.code_to_" + one.leads), one.short,
      el("span", { class: "keys" }, this.printing(one, "hub"), seen.here ? this.printing(one, "house") : null)] }));
    this.house.root.replaceChildren(
      el("div", { class: "head" }, el("h1", { text: t("house.page_codes") })),
      el("p", { class: "quiet", text: t("house.codes_say") }),
      seen.codes.length ? table("live-codes", heads, rows) : el("p", { testid: "no-codes", text: t("house.codes_none") }));
  }

  printing(one, where) {
    const label = t("house.code_print_" + where);
    return key(label, `print-${where}-${one.code_id}`, () => this.print(one, where), { "aria-label": `${label} ${nameOf(one.label)}` });
  }

  async print(one, where) {
    const name = `${one.code_id}.${where}`;
    if (!this.deeds.has(name)) this.deeds.set(name, new Deed());
    const done = await this.house.attempt(() => this.deeds.get(name).send(`/live-codes/${one.code_id}/print`, { where }));
    if (done) this.house.say(t("house.code_printing", { name: nameOf(one.label) }));
  }
}
