// Figures that must be read whole: they shrink by steps until they fit the place they have.

function step(node) {
  if (node.style.fontSize) node.style.fontSize = "";
  for (const size_px of node.dataset.steps.split(" ").filter(Boolean)) {
    if (node.scrollWidth <= node.clientWidth) return;
    node.style.fontSize = size_px + "px";
  }
}

/** Show `text` in `node` at the size of its style sheet, or at the first of `steps_px` (falling) that fits its width. */
export function fit(node, text, steps_px) {
  const steps = steps_px.join(" ");
  if (node.textContent === text && node.dataset.steps === steps) return;
  node.textContent = text;
  node.dataset.steps = steps;
  step(node);
}

/** Measure again below `root`, after it came into sight or changed its width. */
export function refit(root = document) {
  for (const node of root.querySelectorAll("[data-steps]")) step(node);
}

addEventListener("resize", () => refit());
