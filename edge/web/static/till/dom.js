// Small helpers for the page; every change touches only what differs.

const SPRITE = new URL("../icons.svg", import.meta.url).href;
const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

/** Make an element: `attrs` are attributes (`class`, `testid`, `text`, `on<event>` are understood), then children. */
export function el(tag, attrs = {}, ...children) {
  const node = document.createElement(tag);
  if (tag === "button") node.type = "button";
  for (const [name, value] of Object.entries(attrs)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "text") node.textContent = value;
    else if (name === "testid") node.dataset.testid = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", SPRITE + "#" + name);
  svg.append(use);
  return svg;
}

/** Point the icons of the shell at the sprite beside this module. */
export function linkIcons() {
  for (const use of document.querySelectorAll("use[data-icon]")) use.setAttribute("href", SPRITE + "#" + use.dataset.icon);
}

export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function setHidden(node, hidden) {
  // The attribute, not the property: elements of SVG have no `hidden` property.
  if (node.hasAttribute("hidden") !== hidden) node.toggleAttribute("hidden", hidden);
}

export function setDisabled(node, disabled) {
  if (node.disabled !== disabled) node.disabled = disabled;
}

export function kbd(...keys) {
  return keys.map((key) => el("kbd", { text: key, "aria-hidden": "true" }));
}

/** Do it when nobody waits for the page, within half a second at most; a browser that cannot tell does it at once. */
export function whenIdle(act) {
  if ("requestIdleCallback" in window) requestIdleCallback(act, { timeout: 500 });
  else act();
}

/** Do it once the page was drawn as it is now. */
export function afterPaint(act) {
  requestAnimationFrame(() => setTimeout(act));
}
