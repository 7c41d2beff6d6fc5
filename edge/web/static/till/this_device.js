// What belongs to this terminal and to nobody's account: how it looks, and whether it makes a sound.

import { ring } from "./beep.js";
import { el } from "./dom.js";
import { chooseTheme, chosenTheme, isMuted, mute, THEMES } from "./settings.js";
import { t } from "./words.js";

/** id, what may be chosen, which of it is, and choosing it. */
const ENTRIES = [
  ["theme", THEMES, chosenTheme, chooseTheme],
  ["sound", ["on", "off"], () => (isMuted() ? "off" : "on"), (chosen) => {
    mute(chosen === "off");
    ring();
  }],
];

export function showDevice(app) {
  const draw = (sheets) => sheets.frame(t("more.device"), ENTRIES.map(([id, options, chosen, choose]) =>
    el("div", { class: "ask-choice", role: "group", "aria-label": t("device." + id) }, el("span", { text: t("device." + id) }),
      el("div", {}, ...options.map((option) => el("button", { class: "key", testid: `${id}-${option}`, "aria-pressed": option === chosen() ? "true" : "false", text: t(`device.${id}_${option}`),
        onclick: () => { choose(option); draw(sheets); app.screen.drawBar(); } }))))), []);
  app.sheets.show("device", { draw });
}
