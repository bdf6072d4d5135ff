"""Chromium, as people would use it."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, sync_playwright

from tests.support.hub import RunningHub
from tests.support.servers import find
from tests.support.stack import WebServer

WAIT_MS = 30_000
"""How long anything awaited may take on a slow machine."""
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}

# Chromium looks for its maker's hosts at every start; the tests need no network.
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
_STORAGE = "local_storage,indexeddb,service_workers,cache_storage,file_systems"
"""What pages keep in a browser beside cookies, and beside the cached files of the hub."""


class Chromium:
    """A browser for people who come one after the other: the files of the hub stay in its cache.

    Nothing else is kept of a person who has left. Fetching and compiling these files anew takes most of the processor
    time of a test.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._free: defaultdict[str, list[BrowserContext]] = defaultdict(list)
        self._kinds: dict[BrowserContext, str] = {}

    def context(self, url: str, **options: object) -> BrowserContext:
        """An empty one for the hub at this address."""
        kind = repr((url, sorted(options.items())))
        if self._free[kind]:
            return self._free[kind].pop()
        context = self._browser.new_context(base_url=url, viewport=DESKTOP, **options)
        context.set_default_timeout(WAIT_MS)
        self._kinds[context] = kind
        return context

    def clear(self, context: BrowserContext, url: str) -> None:
        """Forgets the person who used it."""
        page = context.new_page()
        for other in context.pages:
            if other is not page:
                other.close()
        session = context.new_cdp_session(page)
        session.send("Storage.clearDataForOrigin", {"origin": url, "storageTypes": _STORAGE})
        page.close()
        context.clear_cookies()
        self._free[self._kinds[context]].append(context)


@contextmanager
def chromium() -> Iterator[Chromium]:
    """The Chromium that is installed, preferably without a window system: its own user interface costs more processor
    time than the pages under test."""
    path = shutil.which("chromium-headless-shell") or find("chromium", "/snap/bin")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        try:
            yield Chromium(browser)
        finally:
            browser.close()


class Person:
    """Somebody with a browser of their own. What their pages complain of is in `complaints`, dialogs too."""

    def __init__(
        self, browser: Chromium, hub: RunningHub | WebServer, username: str, *, script: str = "", **options: object
    ) -> None:
        """`script` runs in each of their pages before the hub's own; `options` are those of a Playwright context."""
        self.hub = hub
        self.username = username
        self.complaints: list[str] = []
        self._browser = browser
        self._scripts = [script] if script else []
        self.context = browser.context(hub.url, **options)
        self.page: Page = self.new_page()

    def new_page(self) -> Page:
        """Another tab beside `page`."""
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._hear)
        page.on("dialog", self._dismiss)
        for script in self._scripts:
            page.add_init_script(script)
        return page

    def add_script(self, script: str) -> None:
        """Runs in what the pages load from now on."""
        self._scripts.append(script)
        self.page.add_init_script(script)

    def _hear(self, message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text or "Uncaught" in message.text:
            self.complaints.append(message.text)

    def _dismiss(self, dialog: Dialog) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def sign_in(self, path: str = "/") -> None:
        """Comes to a page with a login session made before, as most people do."""
        key = self.hub.records.sign_in(self.username)
        self.context.add_cookies([{"name": "hubbub_session", "value": key, "url": self.hub.url}])
        self.page.goto(path)

    def sign_in_by_form(self, password: str | None = None) -> None:
        self.page.goto("/login/")
        self.page.get_by_label("Username").fill(self.username)
        self.page.get_by_label("Password").fill(password or self.hub.PASSWORD)
        self.page.get_by_role("button", name="Sign in").click()

    def leave(self) -> None:
        self._browser.clear(self.context, self.hub.url)
