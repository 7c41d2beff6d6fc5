// Start of the till page: words first, then what was kept, then the node.

import { App } from "./app.js";
import { BASE } from "../base.js";
import { byId, linkIcons } from "./dom.js";
import { refit } from "./figures.js";
import { GuestDisplay } from "./guest.js";
import { listenToKeys } from "./keys.js";
import { Scans } from "./scan.js";
import { applyLanguage, applyTheme, lastTill } from "./settings.js";
import { followScale } from "./weight.js";
import { startWorker } from "./worker.js";
import { useCatalogue } from "./words.js";

const WORDS_AGAIN_MS = 1000;

async function fetchWords() {
  for (;;) {
    try {
      // The service worker answers from the shell, so that a reload needs no node.
      const answer = await fetch(BASE + "/api/v1/words");
      if (answer.ok) return await answer.json();
    } catch {
      // Nobody there yet and nothing kept: the page has no sentence to say it with. It asks again.
    }
    await new Promise((resolve) => { setTimeout(resolve, WORDS_AGAIN_MS); });
  }
}

function connectTables(app) {
  byId("line-sheet").addEventListener("click", () => app.lineSheet.show());
  byId("order-sheet").addEventListener("click", () => app.orderSheet.show());
  byId("order-leave").addEventListener("click", () => app.tab.leave());
  byId("act-add").addEventListener("click", () => app.tables.toOrder());
  byId("act-chase").addEventListener("click", () => app.orderSheet.chase());
  byId("act-fire").addEventListener("click", () => app.orderSheet.fire());
  byId("guests-accept").addEventListener("click", () => app.tab.do([{ do: "confirm", accepted: true }]));
  byId("guests-decline").addEventListener("click", () => app.tab.do([{ do: "confirm", accepted: false }]));
}

function connectKeys(app) {
  // Nothing is paid while a dish of the order is still on the scale, by mouse as by key.
  const offTheScale = (act) => () => { if (app.sheets.name !== "weigh") act(); };
  byId("exact-cash").addEventListener("click", offTheScale(() => app.toPay.exact()));
  byId("pay").addEventListener("click", offTheScale(() => app.toPay.open()));
  byId("finish").addEventListener("click", () => app.paying.finish());
  byId("clear").addEventListener("click", () => app.basket.clear());
  byId("line-less").addEventListener("click", () => app.slip.setQty((app.slip.line()?.qty ?? 0) - 1));
  byId("line-more").addEventListener("click", () => app.slip.setQty((app.slip.line()?.qty ?? 0) + 1));
  byId("line-remove").addEventListener("click", () => app.slip.remove());
  byId("who").addEventListener("click", () => app.sheets.show("who"));
  byId("slip-bar").addEventListener("click", () => { document.body.dataset.slip = "open"; refit(byId("slip")); });
  byId("slip-close").addEventListener("click", () => { delete document.body.dataset.slip; });
  connectTables(app);
  listenToKeys(app);
}

function connectDevices(app) {
  app.scans = new Scans(app);
  app.guest = new GuestDisplay(app);
  followScale(app.link);
}

async function start() {
  applyTheme();
  applyLanguage(lastTill());
  linkIcons();
  useCatalogue(await fetchWords());
  const app = new App();
  app.screen.relabel();
  connectKeys(app);
  connectDevices(app);
  startWorker(() => app.isIdle());
  await app.start();
}

start();
