// One toast at a time at the foot of the lines: five seconds with a visible count, never for errors.

import { byId, el, icon, setHidden } from "./dom.js";
import { t } from "./words.js";

const SECONDS = 5;
let timer = 0;

export function hideToast() {
  clearInterval(timer);
  setHidden(byId("toast"), true);
}

/** Show `text`; with `onUndo` there is an Undo key that counts down. */
export function showToast(text, onUndo = null) {
  clearInterval(timer);
  const root = byId("toast");
  let left_s = SECONDS;
  const word = el("span", { text: t("toast.undo", { s: left_s }) });
  const key = onUndo
    ? el("button", { class: "key", testid: "toast-undo", onclick: () => { hideToast(); onUndo(); } }, icon("undo"), word)
    : null;
  root.replaceChildren(el("p", { text }), ...(key ? [key] : []));
  // Where the slip is a page of its own and not open, the toast stands at the foot of the work area.
  const home = byId(byId("slip-body").offsetParent === null ? "work" : "slip-body");
  if (root.parentNode !== home) home.append(root);
  setHidden(root, false);
  timer = setInterval(() => {
    left_s -= 1;
    if (left_s <= 0) hideToast();
    else word.textContent = t("toast.undo", { s: left_s });
  }, 1000);
}
