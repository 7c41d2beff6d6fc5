// Service worker of the till page: keeps the versioned shell, so that a reload works while the node is away.
//
// The node renders this file as a template. The cache name carries the build hash: another build is another cache.
// Nothing of /api is kept but the words, which belong to the build. The menu, the cart and a pending sale lie in IndexedDB.

const SHELL_HASH = "{{ shell_hash }}";
const SHELL_FILES = {{ shell_files|tojson }};
const CACHE_PREFIX = "zhanggui-till-";
const CACHE = CACHE_PREFIX + SHELL_HASH;
const SHELL = new Set(SHELL_FILES);

self.addEventListener("install", (event) => {
  // `reload` goes round the browser's own cache: an old file must not enter a new build.
  const requests = SHELL_FILES.map((path) => new Request(path, { cache: "reload" }));
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(requests)));
});

self.addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) {
      if (name.startsWith(CACHE_PREFIX) && name !== CACHE) await caches.delete(name);
    }
    await self.clients.claim();
  })());
});

self.addEventListener("message", (event) => {
  // The page says so only while no cart is open and no sale is pending.
  if (event.data === "activate") self.skipWaiting();
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  const url = new URL(request.url);
  if (url.origin !== self.location.origin || !SHELL.has(url.pathname)) return;
  event.respondWith((async () => {
    const cache = await caches.open(CACHE);
    const kept = await cache.match(url.pathname);
    return kept || fetch(request);
  })());
});
