// The editor of the plan: tables are dragged by finger, pen or mouse, or moved with the arrows; nothing is in force until it is kept.

import { ask } from "../till/api.js";
import { el } from "../till/dom.js";
import { parseAmount, short } from "../till/money.js";
import { nameOf, t } from "../till/words.js";
import { Deed, field, key, section } from "./parts.js";
import { GRID_MAX, PlanModel, SEATS_MAX, overlap } from "./plan_model.js";

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Plan {
  constructor(house) {
    this.house = house;
    this.deed = new Deed();
    this.model = null;
    this.area_id = "";
    this.chosen = "";
  }

  get unsaved() {
    return Boolean(this.model?.changed);
  }

  get area() {
    return this.model.area(this.area_id) ?? this.model.areas[0];
  }

  async open() {
    this.model = new PlanModel((await ask("GET", "/floor")).body);
    this.area_id = this.model.areas[0].id;
    this.draw();
  }

  sentence(error) {
    if (error.code === "bad_floor") return t("error.bad_floor") + " " + error.details.mistakes.join("; ");
    if (error.code === "stale_floor") this.stale = true;
    if (error.code === "table_in_use") return t("house.plan_in_use", { tables: error.details.tables.join(", ") });
    return null;
  }

  /** Somebody else drew meanwhile: what they drew, without what was drawn here. */
  async reload() {
    this.stale = false;
    this.house.hush();
    await this.open();
  }

  // --- keys ---

  key(event) {
    if (!this.model || event.target.matches("input, select")) return false;
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") this.undo();
    else if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") this.keep();
    else if (!event.target.closest(".plan-table")) return false;
    else if (ARROWS[event.key]) this.arrow(event);
    else if (event.key === "Delete") this.remove();
    else if (event.key === "Escape") this.choose("");
    else return false;
    return true;
  }

  /** Arrows move the table by a cell; with Shift they make it larger or smaller. */
  arrow(event) {
    const [dx, dy] = ARROWS[event.key];
    const table = this.model.table(this.chosen);
    if (!table) return;
    this.model.step("arrow:" + table.id + event.shiftKey);
    if (event.shiftKey) this.model.place(this.area, table, table.x, table.y, table.width + dx, table.height + dy);
    else this.model.place(this.area, table, table.x + dx, table.y + dy);
    this.model.unstep();
    this.draw();
    this.tile(table.id)?.focus();
  }

  undo() {
    if (!this.model.undo()) return;
    if (!this.model.table(this.chosen)) this.chosen = "";
    this.draw();
    this.house.say(t("toast.undone"));
  }

  // --- dragging ---

  grab(event, table) {
    if (event.button !== 0) return;
    const grid = this.grid.getBoundingClientRect();
    const { area } = this;
    const cell = { x: grid.width / area.columns, y: grid.height / area.rows };
    const from = { x: event.clientX, y: event.clientY, at: { ...table } };
    const grows = event.target.classList.contains("grip");
    const tile = this.tile(table.id);
    tile.setPointerCapture(event.pointerId);
    this.model.step();
    const move = (moved) => {
      const dx = Math.round((moved.clientX - from.x) / cell.x);
      const dy = Math.round((moved.clientY - from.y) / cell.y);
      const done = grows ? this.model.place(area, table, from.at.x, from.at.y, from.at.width + dx, from.at.height + dy) : this.model.place(area, table, from.at.x + dx, from.at.y + dy);
      if (done) this.put(tile, table);
    };
    const end = () => {
      tile.removeEventListener("pointermove", move);
      this.model.unstep();
      this.chosen = table.id;
      this.draw();
      this.tile(table.id)?.focus();
    };
    tile.addEventListener("pointermove", move);
    tile.addEventListener("pointerup", end, { once: true });
    tile.addEventListener("pointercancel", end, { once: true });
  }

  tile(table_id) {
    return this.grid.querySelector(`[data-table="${CSS.escape(table_id)}"]`);
  }

  put(tile, table) {
    tile.style.gridColumn = `${table.x + 1} / span ${table.width}`;
    tile.style.gridRow = `${table.y + 1} / span ${table.height}`;
    tile.classList.toggle("clash", this.area.tables.some((other) => overlap(table, other)));
  }

  // --- drawing ---

  choose(table_id) {
    this.chosen = table_id;
    this.draw();
  }

  draw() {
    if (!this.model) return;
    const { area, model } = this;
    const faults = model.faults();
    const held = Boolean(document.activeElement?.closest(".plan-table"));
    this.grid = el("div", { class: "plan-grid", testid: "plan-grid", role: "group", "aria-label": nameOf(area.name) });
    this.grid.style.gridTemplateColumns = `repeat(${area.columns}, minmax(0, 1fr))`;
    this.grid.style.gridTemplateRows = `repeat(${area.rows}, minmax(0, 1fr))`;
    this.grid.style.aspectRatio = `${area.columns} / ${area.rows}`;
    this.grid.style.backgroundSize = `${100 / area.columns}% ${100 / area.rows}%`;
    for (const table of area.tables) {
      const tile = el("button", { class: table.round ? "plan-table round" : "plan-table", "data-table": table.id, testid: "plan-" + table.id, "aria-pressed": table.id === this.chosen ? "true" : "false",
        "aria-label": t("house.plan_table_at", { name: table.name, seats: table.seats, x: table.x + 1, y: table.y + 1 }), onclick: () => { if (this.chosen !== table.id) this.choose(table.id); this.tile(table.id)?.focus(); },
        onpointerdown: (event) => this.grab(event, table) }, el("b", { text: table.name }), el("span", { text: t("tables.seats", { n: table.seats }) }), el("i", { class: "grip", "aria-hidden": "true" }));
      this.put(tile, table);
      this.grid.append(tile);
    }
    this.house.root.replaceChildren(
      el("div", { class: "head" }, el("h1", { text: t("house.page_plan") }), el("span", { class: "quiet", testid: "plan-version", text: t("house.plan_version", { n: model.over }) }), el("span", { class: "spring" }),
        key(t("house.undo"), "plan-undo", () => this.undo(), { disabled: !model.changed }),
        key(t("house.plan_keep"), "plan-keep", () => this.keep(), { class: "key primary", disabled: !model.changed || faults.length > 0 })),
      el("div", { class: "tabs", role: "group", "aria-label": t("tables.rooms") }, ...model.areas.map((one) => key(nameOf(one.name) || one.id, "plan-area-" + one.id, () => { this.area_id = one.id; this.choose(""); }, { "aria-pressed": one === area ? "true" : "false" })),
        key("+ " + t("house.plan_area"), "plan-add-area", () => { this.area_id = model.addArea({ zh: t("house.plan_new_area"), en: t("house.plan_new_area") }).id; this.choose(""); })),
      ...(this.stale ? [el("p", { class: "remedy fault" }, el("span", { text: t("error.stale_floor") }), key(t("house.plan_reload"), "plan-reload", () => this.house.attempt(() => this.reload())))] : []),
      ...faults.slice(0, 3).map(([word, values]) => el("p", { class: "remedy danger", testid: "plan-fault", text: t("house." + word, values) })),
      el("div", { class: "two plan" }, el("div", {}, this.grid, el("p", { class: "quiet hint", text: t("house.plan_hint") })), this.side()));
    // Who works with the arrows goes on with them.
    if (held) this.tile(this.chosen)?.focus({ preventScroll: true });
  }

  side() {
    const table = this.model.table(this.chosen);
    return table ? this.tableForm(table) : this.areaForm();
  }

  change(kind, set) {
    this.model.step(kind);
    set();
    this.model.unstep();
    this.draw();
  }

  number(name, label, value, [min, max], set) {
    return field({ name, label, type: "number", value, min, max, inputmode: "numeric", onchange: (event) => {
      const n = Math.max(min, Math.min(max, Math.round(Number(event.target.value)) || min));
      this.change("", () => set(n));
    } }).row;
  }

  tableForm(table) {
    const { area, model } = this;
    return section(t("house.plan_table", { name: table.name }), el("div", { class: "asks" },
      field({ name: "table-name", label: t("house.plan_name"), value: table.name, maxlength: 12, onchange: (event) => this.change("", () => { table.name = event.target.value.trim(); }) }).row,
      this.number("seats", t("house.plan_seats"), table.seats, [1, SEATS_MAX], (n) => { table.seats = n; }),
      this.number("width", t("house.plan_width"), table.width, [1, area.columns], (n) => model.place(area, table, table.x, table.y, n, table.height)),
      this.number("height", t("house.plan_height"), table.height, [1, area.rows], (n) => model.place(area, table, table.x, table.y, table.width, n)),
      field({ name: "minimum", label: t("house.plan_minimum"), value: table.minimum_fen ? short(table.minimum_fen).replaceAll(",", "") : "", inputmode: "decimal", maxlength: 9, onchange: (event) => this.change("", () => { table.minimum_fen = parseAmount(event.target.value.trim()) || 0; }) }).row,
      field({ name: "round", label: t("house.plan_round"), tick: true, value: table.round, onchange: (event) => this.change("", () => { table.round = event.target.checked; }) }).row,
      el("p", { class: "keys end" }, key(t("house.plan_other"), "plan-done", () => this.choose("")), key(t("house.plan_remove"), "plan-remove", () => this.remove(), { class: "key danger" }))));
  }

  areaForm() {
    const { area, model } = this;
    return section(t("house.plan_area"), el("div", { class: "asks" },
      field({ name: "area-zh", label: t("house.name_zh"), value: area.name.zh, maxlength: 40, onchange: (event) => this.change("", () => { area.name.zh = event.target.value.trim(); }) }).row,
      field({ name: "area-en", label: t("house.name_en"), value: area.name.en, maxlength: 40, onchange: (event) => this.change("", () => { area.name.en = event.target.value.trim(); }) }).row,
      this.number("columns", t("house.plan_columns"), area.columns, [1, GRID_MAX], (n) => { area.columns = n; }),
      this.number("rows", t("house.plan_rows"), area.rows, [1, GRID_MAX], (n) => { area.rows = n; }),
      el("p", { class: "keys end" },
        key(t("house.plan_remove_area"), "plan-remove-area", () => { model.removeArea(area); this.area_id = model.areas[0]?.id; this.choose(""); }, { class: "key danger", disabled: model.areas.length < 2 }),
        key("+ " + t("house.plan_add"), "plan-add", () => this.add(), { class: "key ink" }))));
  }

  add() {
    const table = this.model.add(this.area);
    if (!table) {
      this.house.say(t("house.plan_full"), true);
      return;
    }
    this.choose(table.id);
    this.tile(table.id)?.focus();
  }

  remove() {
    const table = this.model.table(this.chosen);
    if (!table) return;
    this.model.remove(table);
    this.choose("");
    this.house.say(t("house.plan_removed", { name: table.name }));
  }

  async keep() {
    if (!this.model.changed || this.model.faults().length) return;
    const done = await this.house.attempt(() => this.deed.send("/floor", { over: this.model.over, areas: this.model.areas }));
    if (!done) {
      this.draw();
      return;
    }
    this.model = new PlanModel(done);
    this.draw();
    this.house.say(t("house.plan_kept", { n: done.version }));
  }
}
