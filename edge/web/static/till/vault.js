// What must outlive a reload or a power cut: the open cart, one pending sale, the menu, who signed in (IndexedDB).

import { WORLD } from "../base.js";

// What practice keeps must never be sent to the store, nor the other way round.
const NAME = WORLD ? "zhanggui-till-" + WORLD : "zhanggui-till";
const STORE = "kept";
let opening = null;

function open() {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opening;
}

/** The values kept under `keys`, undefined where there is none. */
export async function load(keys) {
  const db = await open();
  return new Promise((resolve, reject) => {
    const transaction = db.transaction(STORE, "readonly");
    const requests = keys.map((key) => transaction.objectStore(STORE).get(key));
    transaction.oncomplete = () => resolve(requests.map((request) => request.result));
    transaction.onerror = () => reject(transaction.error);
  });
}

/**
 * Keep every entry of `values` in one transaction; null deletes. Resolves once it is on the disk:
 * "strict" asks the browser to flush, since the default loses the last seconds at a power cut.
 */
export async function keep(values) {
  const db = await open();
  return new Promise((resolve, reject) => {
    const transaction = db.transaction(STORE, "readwrite", { durability: "strict" });
    const store = transaction.objectStore(STORE);
    for (const [key, value] of Object.entries(values)) {
      if (value === null) store.delete(key);
      else store.put(value, key);
    }
    transaction.oncomplete = () => resolve();
    transaction.onerror = () => reject(transaction.error);
    transaction.onabort = () => reject(transaction.error);
  });
}
