// The scale of this till, passed on to the weigh pad (see weigh.js for the events on the window).

import { ask } from "./api.js";

const AGAIN_MS = 1000;
const SILENT = { state: "trouble", weight_g: 0, reason: "not_answering" };

function tell(weight) {
  window.dispatchEvent(new CustomEvent("zg-weight", { detail: weight }));
}

/** Tell the page what the scale says: at each change, and every second while somebody weighs. */
export function followScale(link) {
  let timer = 0;
  const look = async () => {
    try {
      const { body } = await ask("GET", "/till/weight", { timeout_ms: AGAIN_MS });
      tell(body);
    } catch {
      tell(SILENT);
    }
  };
  link.on("weight", tell);
  window.addEventListener("zg-weight-wanted", (event) => {
    clearInterval(timer);
    timer = 0;
    if (!event.detail.wanted) return;
    look();
    timer = setInterval(look, AGAIN_MS);
  });
}
