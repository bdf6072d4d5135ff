"""Chromium, as a person would use it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.support.hub import RunningHub
from tests.support.servers import find
from tests.support.stack import WebServer

WAIT_MS = 30_000
"""How long anything awaited may take on a slow machine."""
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}

# Chromium looks for its maker's hosts at every start; the tests need no network.
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@contextmanager
def chromium() -> Iterator[Browser]:
    """The Chromium that is installed, preferably without a window system: its own user interface costs more processor
    time than the pages under test."""
    path = shutil.which("chromium-headless-shell") or find("chromium", "/snap/bin")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        try:
            yield browser
        finally:
            browser.close()


class Person:
    """Somebody with a browser of their own. What their pages complain of is in `complaints`."""

    def __init__(self, browser: Browser, hub: RunningHub | WebServer, username: str, **options: object) -> None:
        self.hub = hub
        self.username = username
        self.complaints: list[str] = []
        self.context: BrowserContext = browser.new_context(base_url=hub.url, viewport=DESKTOP, **options)
        self.context.set_default_timeout(WAIT_MS)
        self.page: Page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._hear)

    def _hear(self, message: object) -> None:
        text = getattr(message, "text", "")
        if "Content Security Policy" in text or "Uncaught" in text:
            self.complaints.append(text)

    def sign_in(self) -> None:
        """Comes to the first page with a login session made before, as most people do."""
        key = self.hub.records.sign_in(self.username)
        self.context.add_cookies([{"name": "hubbub_session", "value": key, "url": self.hub.url}])
        self.page.goto("/")

    def sign_in_by_form(self, password: str | None = None) -> None:
        self.page.goto("/login/")
        self.page.get_by_label("Username").fill(self.username)
        self.page.get_by_label("Password").fill(password or self.hub.PASSWORD)
        self.page.get_by_role("button", name="Sign in").click()

    def leave(self) -> None:
        self.context.close()
