// The plan as it is being drawn (pure): areas with tables on a grid, every change one step that can be taken back.

export const SEATS_MAX = 60;
export const GRID_MAX = 60;
const STEPS_MAX = 100;

/** The fields of tables and areas that a plan from the node may leave out (sync.contract.orders). */
function whole(area) {
  return { columns: 24, rows: 14, ...area, name: { ...area.name }, tables: area.tables.map((one) => ({ width: 2, height: 2, round: false, minimum_fen: 0, ...one })) };
}

export function overlap(one, other) {
  return one !== other && one.x < other.x + other.width && other.x < one.x + one.width && one.y < other.y + other.height && other.y < one.y + one.height;
}

export class PlanModel {
  constructor({ version, areas }) {
    this.over = version;
    this.areas = areas.map(whole);
    this.past = [];
  }

  get changed() {
    return this.past.length > 0;
  }

  area(id) {
    return this.areas.find((one) => one.id === id);
  }

  table(id) {
    for (const area of this.areas) {
      const found = area.tables.find((one) => one.id === id);
      if (found) return found;
    }
    return null;
  }

  /** Remember how it was, so that what follows is one step back; `kind` joins small changes of one sort to one step. */
  step(kind = "") {
    if (kind && this.past.at(-1)?.kind === kind) return;
    this.past.push({ kind, areas: JSON.stringify(this.areas) });
    if (this.past.length > STEPS_MAX) this.past.shift();
  }

  undo() {
    const before = this.past.pop();
    if (before) this.areas = JSON.parse(before.areas);
    return Boolean(before);
  }

  /** A step that turned out to change nothing is none. */
  unstep() {
    if (this.past.at(-1)?.areas === JSON.stringify(this.areas)) this.past.pop();
  }

  /** Put a table into its area's cells; gives whether it is somewhere else now. */
  place(area, table, x, y, width = table.width, height = table.height) {
    const to = { width: Math.max(1, Math.min(width, area.columns)), height: Math.max(1, Math.min(height, area.rows)) };
    to.x = Math.max(0, Math.min(x, area.columns - to.width));
    to.y = Math.max(0, Math.min(y, area.rows - to.height));
    const moves = ["x", "y", "width", "height"].some((each) => table[each] !== to[each]);
    Object.assign(table, to);
    return moves;
  }

  /** A new table in the first free place, named after the last; null where there is no room. */
  add(area) {
    const size = { width: 3, height: 3 };
    for (let y = 0; y + size.height <= area.rows; y += 1) {
      for (let x = 0; x + size.width <= area.columns; x += 1) {
        const spot = { x, y, ...size };
        if (area.tables.some((one) => overlap(spot, one))) continue;
        this.step();
        const table = { id: this.freeId("t"), name: this.nextName(area), seats: 4, ...spot, round: false, minimum_fen: 0 };
        area.tables.push(table);
        return table;
      }
    }
    return null;
  }

  remove(table) {
    this.step();
    for (const area of this.areas) area.tables = area.tables.filter((one) => one !== table);
  }

  addArea(name) {
    this.step();
    const area = { id: this.freeId("area"), name, columns: 18, rows: 12, tables: [] };
    this.areas.push(area);
    return area;
  }

  removeArea(area) {
    this.step();
    this.areas = this.areas.filter((one) => one !== area);
  }

  freeId(prefix) {
    const taken = new Set(this.areas.flatMap((area) => [area.id, ...area.tables.map((one) => one.id)]));
    let n = 1;
    while (taken.has(prefix + n)) n += 1;
    return prefix + n;
  }

  nextName(area) {
    const taken = new Set(this.areas.flatMap((each) => each.tables.map((one) => one.name)));
    const letters = /^\D*/.exec(area.tables.at(-1)?.name ?? "A")[0] || "A";
    let n = 1;
    while (taken.has(letters + n)) n += 1;
    return letters + n;
  }

  /** What keeps the plan from being in force: [word, values, table or area id]. */
  faults() {
    const found = [];
    const names = new Map();
    for (const area of this.areas) {
      if (!area.name.zh.trim() || !area.name.en.trim()) found.push(["plan_area_name", {}, area.id]);
      for (const table of area.tables) {
        const name = table.name.trim();
        if (!name) found.push(["plan_no_name", {}, table.id]);
        else if (names.has(name)) found.push(["plan_same_name", { name }, table.id]);
        names.set(name, table.id);
        const on = area.tables.find((other) => overlap(table, other));
        if (on && on.id > table.id) found.push(["plan_overlap", { name, other: on.name }, table.id]);
        if (table.x + table.width > area.columns || table.y + table.height > area.rows) found.push(["plan_outside", { name }, table.id]);
      }
    }
    if (!names.size) found.push(["plan_empty", {}, ""]);
    return found;
  }
}
