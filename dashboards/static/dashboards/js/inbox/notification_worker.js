// The service worker that shows notifications on phones, where pages may not. It opens the page of a notification and
// does nothing else: pages load as they would without it.

/** @type {ServiceWorkerGlobalScope} */
const worker = /** @type {any} */ (self);

worker.addEventListener("install", () => worker.skipWaiting());
// Without the claim it could not navigate pages that were opened before it was installed.
worker.addEventListener("activate", (event) => event.waitUntil(worker.clients.claim()));

worker.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data.url));
});

/** @param {string} url */
async function open(url) {
  const [page] = await worker.clients.matchAll({ type: "window" });
  if (!page) return worker.clients.openWindow(url);
  await page.focus().catch(() => {}); // refused when the click was too long ago
  return page.navigate(url);
}
