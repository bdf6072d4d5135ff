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
"""What pages store in a browser besides cookies and the cached files of the hub."""


class Chromium:
    """A browser whose contexts are used by one person after another, so that the files of the hub stay cached.

    Fetching and compiling these files anew takes most of the processor time of a test. Nothing else is kept of a person
    who has left: cookies and stored data are deleted, and scripts and listeners belong to pages, which are closed. What
    belongs to a context itself, such as a route, would stay.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._free: defaultdict[str, list[BrowserContext]] = defaultdict(list)
        self._keys: dict[BrowserContext, str] = {}

    def context(self, url: str, **options: object) -> BrowserContext:
        """A context for the hub at this address, without cookies or stored data."""
        key = repr((url, sorted(options.items())))
        if self._free[key]:
            return self._free[key].pop()
        context = self._browser.new_context(base_url=url, viewport=DESKTOP, **options)
        context.set_default_timeout(WAIT_MS)
        self._keys[context] = key
        return context

    def release(self, context: BrowserContext, url: str) -> None:
        """Deletes what the person who used it has left behind, and keeps it for the next."""
        page = context.new_page()
        for other in context.pages:
            if other is not page:
                other.close()
        session = context.new_cdp_session(page)
        session.send("Storage.clearDataForOrigin", {"origin": url, "storageTypes": _STORAGE})
        page.close()
        context.clear_cookies()
        self._free[self._keys[context]].append(context)


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
    """Somebody with a browser of their own. `complaints` has the errors of their pages, and any dialog."""

    def __init__(
        self, browser: Chromium, hub: RunningHub | WebServer, username: str, *, script: str = "", **options: object
    ) -> None:
        """`script` runs in each of their pages before the hub's own; `options` are those of a Playwright context."""
        self.hub = hub
        self.username = username
        self.complaints: list[str] = []
        self._browser = browser
        self._has_fake_clock = False
        self._scripts = [script] if script else []
        self.context = browser.context(hub.url, **options)
        self.page: Page = self.new_page()

    def new_page(self) -> Page:
        """Another tab beside `page`."""
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._check_message)
        page.on("dialog", self._dismiss)
        for script in self._scripts:
            page.add_init_script(script)
        return page

    def add_script(self, script: str) -> None:
        """Runs `script` before the hub's own in each page that is loaded from now on."""
        self._scripts.append(script)
        self.page.add_init_script(script)

    def install_clock(self) -> None:
        """Lets the test advance the time of the pages, with `page.clock`."""
        self.page.clock.install()
        self._has_fake_clock = True

    def _check_message(self, message: ConsoleMessage) -> None:
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
        if self._has_fake_clock:  # it belongs to the context, and the next person's pages would get it too
            self.context.close()
        else:
            self._browser.release(self.context, self.hub.url)
