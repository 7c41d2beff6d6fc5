// The words of the page, from the node's catalogue; no sentence stands in the code.

let catalogue = { zh: {}, en: {} };
let language = "zh";

export function useCatalogue(words) {
  catalogue = words;
}

export function setLanguage(next) {
  language = next === "en" ? "en" : "zh";
  document.documentElement.lang = localeTag();
}

export function getLanguage() {
  return language;
}

/** The tag that goes over the wire with a sale. */
export function localeTag() {
  return language === "en" ? "en" : "zh-CN";
}

export function hasWord(key) {
  return key in catalogue[language];
}

/** The text of `key` with its {placeholders} filled; the key itself where the catalogue has none. */
export function t(key, params = {}) {
  const text = catalogue[language][key];
  if (text === undefined) return key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in params ? String(params[name]) : whole));
}

/** A name that came in both languages; the other language where one is empty. */
export function nameOf(name) {
  return name[language] || name.zh || name.en || "";
}

/** The sentence of a refusal: ours by its code, else the node's own. */
export function errorText(error) {
  const key = "error." + error.code;
  if (hasWord(key)) return t(key);
  return error.message || t("error.other", { code: error.code });
}

/** Fill every [data-word], [data-word-label] and [data-word-placeholder] below `root`. */
export function applyWords(root = document) {
  for (const node of root.querySelectorAll("[data-word]")) node.textContent = t(node.dataset.word);
  for (const node of root.querySelectorAll("[data-word-label]")) node.setAttribute("aria-label", t(node.dataset.wordLabel));
  for (const node of root.querySelectorAll("[data-word-placeholder]")) node.placeholder = t(node.dataset.wordPlaceholder);
}
