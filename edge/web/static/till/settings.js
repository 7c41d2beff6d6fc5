// Language, theme and sound of this device, remembered per till; the device decides until somebody chose.

import { BASE } from "../base.js";
import { getLanguage, setLanguage } from "./words.js";
import { hourOf } from "../wall_clock.js";

const dark = matchMedia("(prefers-color-scheme: dark)");

export function lastTill() {
  return localStorage.getItem("till") || "";
}

export function rememberTill(till) {
  localStorage.setItem("till", till);
}

function deviceLanguage() {
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

export function applyLanguage(till) {
  setLanguage(localStorage.getItem("language:" + till) || localStorage.getItem("language:") || deviceLanguage());
}

export function chooseLanguage(till, language) {
  localStorage.setItem("language:" + till, language);
  setLanguage(language);
}

/** Another person than the last one at this till brings the language that they read. */
export function takeLanguageOf({ till, cashier, locale }) {
  const last = localStorage.getItem("person:" + till);
  localStorage.setItem("person:" + till, cashier.id);
  if (last && last !== cashier.id && locale) chooseLanguage(till, locale.startsWith("zh") ? "zh" : "en");
}

/** What may be chosen here: always light, always dark, as the device says, or dark in the evening. */
export const THEMES = ["light", "dark", "device", "evening"];
const EVENING_FROM_H = 18;
const MORNING_FROM_H = 6;
const MINUTE_MS = 60_000;

export function chosenTheme() {
  const kept = localStorage.getItem("theme");
  return THEMES.includes(kept) ? kept : "device";
}

/** What is shown now: "light" or "dark". */
export function theme() {
  const chosen = chosenTheme();
  if (chosen === "device") return dark.matches ? "dark" : "light";
  if (chosen !== "evening") return chosen;
  const hour = hourOf(Date.now());
  return hour >= EVENING_FROM_H || hour < MORNING_FROM_H ? "dark" : "light";
}

export function applyTheme() {
  const shown = theme();
  if (document.documentElement.dataset.theme !== shown) document.documentElement.dataset.theme = shown;
}

export function chooseTheme(chosen) {
  localStorage.setItem("theme", chosen);
  applyTheme();
}

export function switchTheme() {
  chooseTheme(theme() === "dark" ? "light" : "dark");
}

/** Whether this browser stays silent; each terminal has its own. */
export function isMuted() {
  return localStorage.getItem("sound") === "off";
}

export function mute(silent) {
  localStorage.setItem("sound", silent ? "off" : "on");
}

/** Where the device page is, in the language and theme of this till. */
export function devicesPath() {
  return `${BASE}/devices?lang=${getLanguage()}&theme=${theme()}`;
}

dark.addEventListener("change", applyTheme);
// The evening comes by itself.
setInterval(applyTheme, MINUTE_MS);
