// Keeps the site's files, so that it works without a network. A new version of the site has another hash.

const CACHE = "stylezoo-%HASH%", FILES = [/*FILES*/];

self.addEventListener("install", event => {
  event.waitUntil(caches.open(CACHE).then(cache => cache.addAll(FILES)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", event => {
  const old = async () => (await caches.keys()).filter(key => key.startsWith("stylezoo-") && key !== CACHE);
  event.waitUntil(old().then(keys => Promise.all(keys.map(key => caches.delete(key)))).then(() => self.clients.claim()));
});

self.addEventListener("fetch", event => {
  if (event.request.method !== "GET") return;
  event.respondWith(caches.match(event.request, { ignoreSearch: true }).then(kept => kept ?? fetch(event.request)));
});
