// Language and theme of this device, remembered per till; the device decides until somebody chose.

import { getLanguage, setLanguage } from "./words.js";

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

export function theme() {
  return localStorage.getItem("theme") || (dark.matches ? "dark" : "light");
}

export function applyTheme() {
  document.documentElement.dataset.theme = theme();
}

export function switchTheme() {
  localStorage.setItem("theme", theme() === "dark" ? "light" : "dark");
  applyTheme();
}

/** Where the device page is, in the language and theme of this till. */
export function devicesPath() {
  return `/devices?lang=${getLanguage()}&theme=${theme()}`;
}

dark.addEventListener("change", applyTheme);
