// Which world this page is of: the store, or practice, whose addresses stand under a prefix and whose things are kept apart.

/** Before every address of the node; empty in the store. */
export const BASE = document.documentElement.dataset.base ?? "";

/** "" in the store, "practice" in practice. */
export const WORLD = document.documentElement.dataset.world ?? "";
