// The keyboard: taken on keydown before the browser does (screens.md section 9).

import { byId } from "./dom.js";
import { openDrawer } from "./more.js";

/** Is the focus on something that Enter and Space press by themselves? */
function onPressable() {
  return document.activeElement?.matches("button, a, select") ?? false;
}

function orderKey(app, event) {
  const { finder } = app;
  const empty = byId("search").value === "";
  const line = app.slip.line();
  if (event.key === "Enter") {
    if (onPressable()) return false;
    finder.enter();
    return true;
  }
  if (event.key === "ArrowDown" && !empty) {
    byId("tiles").querySelector(".tile")?.focus();
    return true;
  }
  if (empty && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    app.slip.opened.chooseBeside(event.key === "ArrowDown" ? 1 : -1);
    return true;
  }
  if (empty && line && (event.key === "+" || event.key === "-")) {
    app.slip.setQty(line.qty + (event.key === "+" ? 1 : -1));
    return true;
  }
  if (empty && line && event.key === "Delete") {
    app.slip.remove();
    return true;
  }
  // Any other character goes to the search field, wherever the focus was.
  if (event.key.length === 1 && event.key !== " " && document.activeElement !== byId("search")) finder.focus(false);
  return false;
}

function payKey(app, event) {
  const { pay } = app;
  if (/^[0-9.]$/.test(event.key)) pay.type(event.key);
  else if (event.key === "Backspace") pay.erase();
  else if (event.key === "Delete") pay.set("");
  else if (event.key === "Enter" && !onPressable()) app.paying.finish();
  else return false;
  return true;
}

/** While a sheet asks for something only its own keys and the way back count. */
function heldKey(app, event) {
  if (event.key === "F12") byId("sheet-layer").querySelector(".primary:not(:disabled)")?.click();
  return /^F\d+$/.test(event.key);
}

function functionKey(app, event) {
  // Beside selling the keys that sell do nothing.
  if (app.view === "desk" && /^F\d+$/.test(event.key) && !app.sheets.extra?.holds) return true;
  if (app.sheets.extra?.holds && event.key !== "Escape") return heldKey(app, event);
  switch (event.key) {
    case "F1":
      app.sheets.close();
      if (app.view !== "pay") app.slip.send();
      return true;
    case "F3":
      if (app.view === "plan" || !app.members.on) return true;
      app.sheets.close();
      app.members.open();
      return true;
    case "F4":
      if (app.view !== "pay") app.slip.discount();
      return true;
    case "F5":
      app.sheets.close();
      app.tables.togglePlan();
      return true;
    case "F6":
      app.sheets.close();
      if (app.view !== "pay") app.hold.hold();
      return true;
    case "F7":
      if (app.view !== "pay") app.hold.recall();
      return true;
    case "F2":
      if (app.view === "plan") app.tables.toOrder();
      app.sheets.close();
      if (app.view === "pay") app.toPay.leave();
      app.finder.focus(true);
      return true;
    case "F8":
      openDrawer(app);
      return true;
    case "F9":
      if (app.sheets.name === "price" || app.sheets.name === "weigh") return true;
      app.sheets.close();
      if (app.view === "pay") app.pay.setFen(app.pay.due_fen);
      else app.toPay.exact();
      return true;
    case "F10":
      if (app.view === "pay") app.paying.ways.code.ask();
      else {
        app.toPay.open();
        if (app.view === "pay" && !app.tab.isOpen) app.paying.ways.code.ask();
      }
      return true;
    case "F12":
      // Nothing is paid while a dish of the order is still on the scale.
      if (app.sheets.name === "weigh") return true;
      if (app.sheets.name === "price") {
        byId("sheet-layer").querySelector(".primary").click();
        return true;
      }
      app.sheets.close();
      if (app.view === "pay") app.paying.finish();
      else app.toPay.open();
      return true;
    case "Escape":
      app.back();
      return true;
    case "?":
      if (app.help.open) app.sheets.close();
      else app.help.show();
      return true;
    default:
      return false;
  }
}

/** Listen on the page; keys held down do not repeat what pays. */
export function listenToKeys(app) {
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.defaultPrevented) return;
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
    let taken = false;
    if (app.view === "sign-in") taken = plain && app.who.signIn.key(event);
    else if (app.view === "boot") taken = false;
    else if (event.ctrlKey && !event.shiftKey && !event.altKey && event.key.toLowerCase() === "z") {
      app.slip.undo();
      taken = true;
    } else if (plain) {
      const paying = event.key === "F9" || event.key === "F12" || (event.key === "Enter" && app.view === "pay");
      if (event.repeat && paying) taken = true;
      else if (app.view === "desk" && !app.sheets.open && app.desk.key(event)) taken = true;
      else taken = functionKey(app, event);
      if (!taken && app.sheets.name === "weigh") taken = app.sheets.weigh.press(event.key);
      if (!taken && app.sheets.extra?.key) taken = app.sheets.extra.key(event);
      if (!taken && !app.sheets.open && app.view !== "desk") taken = app.view === "pay" ? payKey(app, event) : app.view === "plan" ? app.plan.key(event) : orderKey(app, event);
    }
    if (taken) event.preventDefault();
  });
  // A key pressed by finger or mouse gives the focus back, so that Enter means the main key and not that one again. It does so before
  // the press has changed anything: a page that changed is brought up to date by the browser before it takes a focus away.
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button");
    if (event.detail > 0 && button && !app.sheets.open) button.blur();
  }, { capture: true });
}
