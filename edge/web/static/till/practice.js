// Practice: a manager leads this terminal into a world of its own to learn in. The way out stands on the band of every page there.

import { ask, Refused } from "./api.js";
import { askFor } from "./ask_sheet.js";
import { WORLD } from "../base.js";
import { showToast } from "./toast.js";
import { errorText, t } from "./words.js";

/** Whether this terminal is in practice; nobody practises practising. */
export const inPractice = WORLD !== "";

export async function enterPractice(app) {
  // What this till still owes an answer to belongs to the store: it is settled first.
  if (!app.isIdle()) {
    showToast(t("practice.not_idle"));
    return;
  }
  await askFor(app, { name: "practice", title: t("practice.enter_title"), says: t("practice.enter_says"), works: t("practice.enter_works"), primary: t("practice.enter_go"),
    act: async () => {
      try {
        const { body } = await ask("POST", "/practice", { body: {} });
        location.assign(body.path);
        return null;
      } catch (error) {
        return error instanceof Refused ? errorText(error) : t("notice.node_away");
      }
    } });
}
