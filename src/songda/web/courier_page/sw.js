// Keeps the empty shell of the page, so that it opens without a line. Data is never cached.

const CACHE = "songda-courier-@version@";
const SHELL = "/courier/shell";
const ASSETS = ["app.css", "app.js", "store.js", "scan.js"].map((name) => `/courier/assets/${name}`);

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(ASSETS)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const old = (names) => names.filter((name) => name.startsWith("songda-courier-") && name !== CACHE);
  event.waitUntil(
    caches.keys().then((names) => Promise.all(old(names).map((name) => caches.delete(name)))).then(() => self.clients.claim()),
  );
});

// The page hands over its own shell once it stands: the worker does not know any office.
self.addEventListener("message", (event) => {
  if (event.data !== "keep the shell") return;
  const url = new URL(event.source.url);
  event.waitUntil(
    fetch(url.pathname).then((answer) => answer.ok && caches.open(CACHE).then((cache) => cache.put(SHELL, answer))),
  );
});

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin || !url.pathname.startsWith("/courier/")) return;
  if (event.request.mode === "navigate") {
    event.respondWith(fetch(event.request).catch(() => caches.match(SHELL).then((kept) => kept || Response.error())));
  } else if (ASSETS.includes(url.pathname)) {
    event.respondWith(caches.match(event.request).then((kept) => kept || fetch(event.request)));
  }
});
