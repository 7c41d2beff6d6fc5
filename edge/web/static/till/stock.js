// The dishes of today: on the tiles of every till at once; a long press says how many are left.

import { ask, Refused } from "./api.js";
import { askFor } from "./ask_sheet.js";
import { uuid7 } from "./ids.js";
import { showToast } from "./toast.js";
import { errorText, nameOf, t } from "./words.js";

const LONG_PRESS_MS = 550;

export class Stock {
  constructor(app, tiles) {
    this.app = app;
    this.today = new Map();
    this.long = false;
    let timer = 0;
    const stop = () => clearTimeout(timer);
    tiles.addEventListener("pointerdown", (event) => {
      const tile = event.target.closest(".tile");
      stop();
      this.long = false;
      if (!tile) return;
      timer = setTimeout(() => {
        this.long = true;
        this.show(tile.dataset.dish);
      }, LONG_PRESS_MS);
    });
    // The press that follows when the finger goes up must not order the dish.
    tiles.addEventListener("click", (event) => { if (this.long && event.detail > 0) event.stopImmediatePropagation(); }, { capture: true });
    for (const end of ["pointerup", "pointerleave", "pointercancel", "scroll"]) tiles.addEventListener(end, stop, { passive: true });
    tiles.addEventListener("contextmenu", (event) => { if (event.target.closest(".tile")) event.preventDefault(); });
  }

  async read() {
    try {
      const { body } = await ask("GET", "/dishes/today");
      this.today = new Map(body.dishes.map((dish) => [dish.dish_id, dish]));
      this.apply();
    } catch {
      // What was known stays on the tiles; the node refuses what there is not enough of.
    }
  }

  /** Lay what counts today over the menu: prices, and what is left on the tiles. */
  apply() {
    const { menu, tiles } = this.app;
    if (!menu) return;
    for (const dish of menu.dishes) {
      const today = this.today.get(dish.id);
      dish.list_fen ??= dish.price_fen;
      dish.day_fen = today && today.price_fen >= 0 ? today.price_fen : undefined;
      dish.price_fen = dish.day_fen ?? dish.list_fen;
    }
    tiles.stock(this.today, menu);
    this.app.screen.draw();
  }

  left(dish_id) {
    const today = this.today.get(dish_id);
    return today && today.left >= 0 ? today.left : null;
  }

  /** Sold out: a press explains and adds nothing. */
  explains(dish) {
    if (this.left(dish.id) !== 0) return false;
    showToast(t("tables.is_sold_out", { dish: nameOf(dish.name) }), null);
    return true;
  }

  async show(dish_id) {
    const { app } = this;
    const dish = app.menu?.byId.get(dish_id);
    if (!dish || app.view !== "order" || app.sheets.extra?.holds || !(app.may("stock") || app.asks("stock"))) return;
    const today = this.today.get(dish_id);
    const left = this.left(dish_id);
    const prices = app.may("day_price") || app.asks("day_price");
    const ids = { stock: uuid7(), price: uuid7() };
    const act = async (what, body) => {
      try {
        await ask("POST", `/dishes/${dish_id}/${what}`, { body: { request_id: ids[what], ...body } });
        return null;
      } catch (error) {
        // Unanswered keeps its id: a second press cannot do it twice.
        if (error instanceof Refused) ids[what] = uuid7();
        return error instanceof Refused ? errorText(error) : t("notice.node_away");
      }
    };
    const done = () => {
      this.read();
      showToast(t("tables.done_change"), async () => {
        ids.stock = uuid7();
        const wrong = await act("stock", { left: left ?? -1 });
        this.read();
        showToast(wrong ?? t("toast.undone"));
      });
    };
    const close = async (sheet, wrong) => { if (wrong) sheet.say(wrong); else { sheet.finish({}); done(); } };
    await askFor(app, {
      name: "stock", title: nameOf(dish.name), works: t(left === null ? "tables.stock_free" : left === 0 ? "tables.stock_out" : "tables.stock_left", { n: left ?? 0 }), primary: t("tables.set"),
      fields: [{ name: "left", kind: "digits", label: t("tables.left"), value: left, chars: 4, optional: true },
        ...(prices ? [{ name: "price_fen", kind: "amount", label: t("tables.price_today"), value: dish.day_fen ?? dish.price_fen, min: 0 }] : [])],
      keys: [[t("tables.sold_out_key"), "stock-out", async (sheet) => close(sheet, await act("stock", { left: 0 }))],
        [t("tables.stock_free_key"), "stock-free", async (sheet) => close(sheet, await act("stock", { left: -1 }))]],
      act: async ({ left: said, price_fen }) => {
        const n = said === "" || said === null ? null : Number(said);
        const wrong = n !== null && n !== left ? await act("stock", { left: n }) : null;
        if (wrong) return wrong;
        if (n !== null && n !== left) done();
        const before = today && today.price_fen >= 0 ? today.price_fen : dish.price_fen;
        const second = prices && price_fen !== before ? await act("price", { price_fen }) : null;
        if (!second) this.read();
        return second;
      },
    });
  }
}
