// Figures that must be read whole: they shrink by steps until they fit the place they have.
//
// They are measured together, once, right before the frame is drawn: one by one each of them would have the browser lay the page out anew.

const waiting = new Set();

function sizesOf(node) {
  return (node.dataset.steps ?? "").split(" ").filter(Boolean);
}

/** Bring every waiting figure to the largest size that fits; a round measures all, then changes all. */
function measure() {
  let open = [...waiting].filter((node) => node.isConnected).map((node) => ({ node, sizes: sizesOf(node) }));
  waiting.clear();
  for (const { node } of open) if (node.style.fontSize) node.style.fontSize = "";
  while (open.length) {
    open = open.filter(({ node, sizes }) => sizes.length && node.scrollWidth > node.clientWidth);
    for (const { node, sizes } of open) node.style.fontSize = sizes.shift() + "px";
  }
}

function soon(node) {
  if (!waiting.size) requestAnimationFrame(measure);
  waiting.add(node);
}

/** Show `text` in `node` at the size of its style sheet, or at the first of `steps_px` (falling) that fits its width. */
export function fit(node, text, steps_px) {
  const steps = steps_px.join(" ");
  if (node.textContent === text && node.dataset.steps === steps) return;
  node.textContent = text;
  node.dataset.steps = steps;
  // What needs no measuring may still stand at a size that an earlier text needed.
  if (steps || node.style.fontSize) soon(node);
}

/** Measure again below `root`, after it came into sight or changed its width. */
export function refit(root = document) {
  for (const node of root.querySelectorAll("[data-steps]")) soon(node);
}

addEventListener("resize", () => refit());
