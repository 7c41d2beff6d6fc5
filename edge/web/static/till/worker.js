// The service worker that keeps the shell: registered here, and let in only while nothing is open.

import { WORLD } from "../base.js";

let registration = null;

/** Register the worker where the browser allows one (a secure context); `isIdle()` says that no cart and no sale is open. */
export async function startWorker(isIdle) {
  // Without persistence the browser may evict the cart when its disk runs short.
  navigator.storage?.persist?.();
  // Practice lives as long as the node answers; nothing of it is kept beyond that.
  if (!("serviceWorker" in navigator) || WORLD) return;
  const replaced = navigator.serviceWorker.controller !== null;
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    if (replaced && isIdle()) location.reload();
  });
  try {
    registration = await navigator.serviceWorker.register("/till/sw.js", { scope: "/till/" });
  } catch {
    // A till without a secure context works; it only cannot be reloaded while the node is away.
    return;
  }
  registration.addEventListener("updatefound", () => {
    registration.installing?.addEventListener("statechange", () => letIn(isIdle));
  });
  letIn(isIdle);
}

/** Let a waiting build in, if there is one and nothing is open. */
export function letIn(isIdle) {
  if (registration?.waiting && registration.active && isIdle()) registration.waiting.postMessage("activate");
}

/** Look for another build, for instance after the node came back. */
export function lookForBuild() {
  registration?.update().catch(() => {});
}
