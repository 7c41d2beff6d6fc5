// The dish tiles: each dish has one button for as long as the menu lasts; a press changes only the tile pressed.

import { el, setText } from "./dom.js";
import { money } from "./money.js";
import { perText } from "./weights.js";
import { nameOf, t } from "./words.js";

const FIRST_TILES = 40;
const MORE_TILES = 40;
const THUMB_MIN_PX = 32;

export class Tiles {
  constructor(root, onPress) {
    this.root = root;
    this.byDish = new Map();
    this.shown = [];
    this.drawn = 0;
    this.quantities = new Map();
    this.measuring = false;
    this.thumbed = "";
    this.scrolled = false;
    // Browsers hide their own scroll bar on touch screens; this thumb says that there are more tiles.
    this.thumb = el("span", { id: "tiles-thumb", "aria-hidden": "true", hidden: true });
    root.after(this.thumb);
    new ResizeObserver(() => this.drawThumb()).observe(root);
    root.addEventListener("click", (event) => {
      const tile = event.target.closest(".tile");
      if (tile) onPress(tile.dataset.dish);
    });
    root.addEventListener("scroll", () => {
      this.scrolled = root.scrollTop > 0;
      this.drawMore();
    }, { passive: true });
    root.addEventListener("keydown", (event) => this.move(event));
    root.addEventListener("focusin", (event) => this.rove(event.target));
  }

  /** Forget every button: another menu or another language. */
  forget() {
    this.byDish.clear();
    this.shown = [];
    this.root.replaceChildren();
  }

  tile(dish) {
    let tile = this.byDish.get(dish.id);
    if (tile) return tile;
    tile = el("button", { class: "tile", testid: "tile-" + dish.id, "data-dish": dish.id, tabindex: "-1" },
      el("span", { class: "tile-name", text: nameOf(dish.name) }),
      el("span", { class: "tile-foot" },
        el("span", { class: "tile-code", text: dish.code }),
        el("span", { class: "tile-price", text: money(dish.price_fen) },
          dish.per_g ? el("small", { text: "/" + perText(dish.per_g) }) : null)));
    this.byDish.set(dish.id, tile);
    this.mark(dish.id, tile, dish.code);
    return tile;
  }

  /** Show `dishes`; `lead` marks the first one as the one that Enter adds. `tail` is a node or text after them. */
  show(dishes, { lead = false, tail = null } = {}) {
    this.leading?.classList.remove("lead");
    this.shown = dishes;
    this.drawn = Math.min(dishes.length, FIRST_TILES);
    this.root.replaceChildren(...dishes.slice(0, this.drawn).map((dish) => this.tile(dish)));
    if (tail) this.root.append(el("p", { class: "tiles-tail", text: tail }));
    if (this.scrolled) this.root.scrollTop = 0;
    this.leading = lead && dishes.length ? this.tile(dishes[0]) : null;
    this.leading?.classList.add("lead");
    this.rove(this.root.querySelector(".tile"));
    this.drawThumbSoon();
  }

  /** Measured once a frame: at each key of a search it would have the browser lay the page out twice. */
  drawThumbSoon() {
    if (this.measuring) return;
    this.measuring = true;
    requestAnimationFrame(() => {
      this.measuring = false;
      this.drawThumb();
    });
  }

  /** Reads first, writes last, and only news: what is read behind a write has the browser lay the page out anew. */
  drawThumb() {
    const { root, thumb } = this;
    const [all, seen, above, from] = [root.scrollHeight, root.clientHeight, root.scrollTop, root.offsetTop];
    const now = [all, seen, above, from].join(" ");
    // Behind the payment page nothing has a size; the thumb stays as it was for the way back.
    if (!seen || now === this.thumbed) return;
    this.thumbed = now;
    thumb.hidden = all <= seen + 4;
    if (thumb.hidden) return;
    const height = Math.max(THUMB_MIN_PX, (seen * seen) / all);
    thumb.style.setProperty("height", height + "px");
    thumb.style.setProperty("top", from + (above / (all - seen)) * (seen - height) + "px");
  }

  drawMore() {
    const { root } = this;
    this.drawThumb();
    if (this.drawn >= this.shown.length || root.scrollTop + 2 * root.clientHeight < root.scrollHeight) return;
    const next = this.shown.slice(this.drawn, this.drawn + MORE_TILES);
    this.drawn += next.length;
    root.append(...next.map((dish) => this.tile(dish)));
  }

  /** Show how many of each dish are in the cart; only tiles whose number changed are touched. */
  count(quantities, menu) {
    const before = this.quantities;
    this.quantities = quantities;
    for (const id of new Set([...before.keys(), ...quantities.keys()])) {
      if (before.get(id) === quantities.get(id)) continue;
      const tile = this.byDish.get(id);
      if (tile) this.mark(id, tile, menu.byId.get(id).code);
    }
  }

  /** What is left of dishes today, and prices of the day; places stay, also of a dish that is sold out. */
  stock(today, menu) {
    this.today = today;
    this.menu = menu;
    for (const [id, tile] of this.byDish) this.mark(id, tile, menu.byId.get(id)?.code ?? "");
  }

  markToday(id, tile, qty) {
    const left = this.today?.get(id)?.left ?? -1;
    const dish = this.menu?.byId.get(id);
    tile.classList.toggle("sold-out", left === 0);
    tile.classList.toggle("counted", left > 0 && !qty);
    if (left > 0 && !qty) setText(tile.querySelector(".tile-code"), t("tables.left_n", { n: left }));
    if (!dish) return;
    const price = tile.querySelector(".tile-price");
    if (left === 0) {
      price.dataset.marked = "1";
      setText(price, t("tables.sold_out_word"));
    }
    else if (dish.day_fen !== undefined || dish.open_price || price.dataset.marked) {
      price.dataset.marked = "1";
      price.replaceChildren(...(dish.day_fen !== undefined || dish.open_price ? [el("small", { text: t("tables.today") + " " })] : []), dish.open_price && dish.day_fen === undefined ? "" : money(dish.price_fen),
        ...(dish.per_g ? [el("small", { text: "/" + perText(dish.per_g) })] : []));
    }
  }

  mark(id, tile, code) {
    const qty = this.quantities.get(id);
    tile.classList.toggle("in-cart", Boolean(qty));
    const place = tile.querySelector(".tile-code");
    setText(place, qty ? String(qty) : code);
    this.markToday(id, tile, qty);
  }

  rove(tile) {
    if (!tile?.classList?.contains("tile")) return;
    if (this.roving) this.roving.tabIndex = -1;
    this.roving = tile;
    tile.tabIndex = 0;
  }

  /** Arrow keys walk over the tiles; one Tab enters and leaves them all. */
  move(event) {
    const tiles = [...this.root.querySelectorAll(".tile")];
    const at = tiles.indexOf(document.activeElement);
    if (at < 0) return;
    const columns = Math.max(1, tiles.findIndex((tile) => tile.offsetTop > tiles[0].offsetTop));
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
    if (!step || !tiles[at + step]) return;
    event.preventDefault();
    event.stopPropagation();
    tiles[at + step].focus();
  }
}
