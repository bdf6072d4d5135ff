// The service worker through which phones show notifications, which let no page do so. It opens what one tells of, and
// does nothing else: pages load as without it.

addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim())); // a page of another worker can't be led

addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data.url));
});

async function open(url) {
  const [page] = await clients.matchAll({ type: "window" });
  if (!page) return clients.openWindow(url);
  await page.focus().catch(() => {}); // refused where the click is too long ago
  return page.navigate(url);
}
