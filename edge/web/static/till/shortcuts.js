// Every key of the till, once: the help sheet is drawn from this list, and a test holds it against what the page listens to.

/** Where a key counts: on every page, while ordering, on the plan, at payment, while counting. */
export const PLACES = ["everywhere", "order", "plan", "pay", "count"];

/** place, the keys as they are shown, the word that says what they do. */
export const SHORTCUTS = [
  ["everywhere", ["F1"], "keys.send"],
  ["everywhere", ["F2"], "keys.search"],
  ["everywhere", ["F3"], "keys.member"],
  ["everywhere", ["F4"], "keys.discount"],
  ["everywhere", ["F5"], "keys.tables"],
  ["everywhere", ["F6"], "keys.hold"],
  ["everywhere", ["F7"], "keys.recall"],
  ["everywhere", ["F8"], "keys.drawer"],
  ["everywhere", ["F9"], "keys.exact"],
  ["everywhere", ["F10"], "keys.code"],
  ["everywhere", ["F12"], "keys.pay"],
  ["everywhere", ["Esc"], "keys.back"],
  ["everywhere", ["Ctrl", "Z"], "keys.undo"],
  ["everywhere", ["Tab"], "keys.tab"],
  ["everywhere", ["?"], "keys.all"],
  ["order", ["3", "*"], "keys.quantity"],
  ["order", ["\u2191", "\u2193"], "keys.lines"],
  ["order", ["+", "\u2212"], "keys.more"],
  ["order", ["Delete"], "keys.remove"],
  ["order", ["Enter"], "keys.enter"],
  ["plan", ["5", "Enter"], "keys.table_number"],
  ["pay", ["0\u20139", "."], "keys.received"],
  ["pay", ["Delete"], "keys.received_clear"],
  ["pay", ["Enter"], "keys.finish"],
  ["count", ["Enter"], "keys.count_next"],
];
