// Keeps the site's files, so that it works without a network. A new version of the site has another hash.

const CACHE = "stylezoo-%HASH%", FILES = [/*FILES*/], ONCE_USED = [/*ONCE_USED*/];

// With these headers a browser lets the nets compute in several threads.
function isolated(response) {
  if (response.type === "opaque" || response.status === 0) return response;
  const headers = new Headers(response.headers);
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Cross-Origin-Embedder-Policy", "require-corp");
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}

async function find(request) {
  const kept = await caches.match(request, { ignoreSearch: true });
  if (kept) return kept;
  const response = await fetch(request);
  if (response.ok && ONCE_USED.some(name => request.url === new URL(name, self.registration.scope).href))
    await (await caches.open(CACHE)).put(request, response.clone());
  return response;
}

self.addEventListener("install", event => {
  event.waitUntil(caches.open(CACHE).then(cache => cache.addAll(FILES)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", event => {
  const old = async () => (await caches.keys()).filter(key => key.startsWith("stylezoo-") && key !== CACHE);
  event.waitUntil(old().then(keys => Promise.all(keys.map(key => caches.delete(key)))).then(() => self.clients.claim()));
});

self.addEventListener("fetch", event => {
  if (event.request.method === "GET") event.respondWith(find(event.request).then(isolated));
});
