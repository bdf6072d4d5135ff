"""Export and import in a real browser: progress, cancelling, and the report of refused lines."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from tests.paths.conftest import Visit
from tests.support.browser import PHONE, WAIT_MS, Person
from tests.support.hub import RunningHub

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

expect.set_options(timeout=WAIT_MS)

ROWS = 40_000
"""Enough for several chunks of an export and of an import."""


def history(rows: int, metric: str = "temperature") -> str:
    """A CSV file with one reading a second, up to an hour ago."""
    start = int(time.time()) - 3600 - rows
    return "time,metric,value\n" + "".join(f"{start + i}000,{metric},{i / 4}\n" for i in range(rows))


@pytest.fixture(scope="module")
def filled(hub: RunningHub, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A device with `ROWS` readings of one metric and a few of others."""
    hub.create_device("filled")
    file = tmp_path_factory.mktemp("files") / "history.csv"
    at = int(time.time()) - 3600
    file.write_text(history(ROWS) + f'{at}000,mode,"=1+1"\n{at}000,on,true\n')
    assert f"{ROWS + 2:,} stored" in hub.manage("importreadings", "filled", str(file))
    return "filled"


@pytest.fixture
def alice(visit: Visit, hub: RunningHub) -> Person:
    """Alice, in a browser that cannot write to the disk directly."""
    return visit(hub, "alice", script="delete window.showSaveFilePicker", accept_downloads=True)


def test_an_export_shows_its_progress_and_saves_the_file(alice: Person, hub: RunningHub, filled: str) -> None:
    page = alice.page
    page.goto(f"/devices/{filled}/")
    page.get_by_role("link", name="Export").click()
    expect(page.get_by_role("button", name="Select none")).to_be_visible()  # before that, it is an ordinary download
    _record_progress(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    expect(page.get_by_role("status").filter(has_text="saved")).to_contain_text(f"{ROWS + 2:,} readings saved")
    assert download.value.suggested_filename.startswith("filled-20")
    content = Path(download.value.path()).read_text()
    assert content == _export(hub, filled)
    assert content.count("\n") == 1 + ROWS + 2
    shares = page.evaluate("window.shares")
    assert len(set(shares)) > 2
    assert shares == sorted(shares)


def test_a_capable_browser_writes_an_export_directly_to_the_disk(visit: Visit, hub: RunningHub, filled: str) -> None:
    # A file in the browser's own storage has the same kind of handle as the dialog, which no test can use.
    picker = (
        "window.showSaveFilePicker = async ({ suggestedName }) =>"
        " (await navigator.storage.getDirectory()).getFileHandle(suggestedName, { create: true })"
    )
    person = visit(hub, "carol", f"/devices/{filled}/export/", script=picker)
    person.page.get_by_role("checkbox", name="temperature").uncheck()
    person.page.get_by_role("button", name="Export").click()
    expect(person.page.get_by_role("status").filter(has_text="saved")).to_contain_text("2 readings saved")
    content = person.page.evaluate(
        "async () => { for await (const [, handle] of (await navigator.storage.getDirectory()).entries())"
        " return (await handle.getFile()).text() }"
    )
    assert content == _export(hub, filled, "?metric=mode&metric=on")


def test_an_interrupted_export_is_an_error_and_saves_nothing(alice: Person, hub: RunningHub, filled: str) -> None:
    page = alice.page
    page.goto(f"/devices/{filled}/export/")
    page.evaluate(
        """() => { const real = window.fetch; window.fetch = async (url, options) => {
          const response = await real(url, options);
          if (!url.includes("readings.csv")) return response;
          const reader = response.body.getReader();
          let pieces = 0;
          const pull = async (controller) => {
            if (pieces++) return controller.error(new TypeError("network error"));
            controller.enqueue((await reader.read()).value);
          };
          return new Response(new ReadableStream({ pull }, { highWaterMark: 0 }), { status: 200 });
        }; window.saved = 0; HTMLAnchorElement.prototype.click = () => { window.saved++; }; }"""
    )
    page.get_by_role("button", name="Export").click()
    expect(page.locator("[data-transfer]")).to_have_attribute("data-state", "failed")
    expect(page.get_by_role("status").filter(has_text="network error")).to_be_visible()
    assert page.evaluate("window.saved") == 0


def test_an_export_can_be_cancelled(alice: Person, filled: str) -> None:
    page = alice.page
    page.route("**/readings.csv*", lambda route: None)  # it never answers
    page.goto(f"/devices/{filled}/export/")
    page.get_by_role("button", name="Export").click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    page.get_by_role("button", name="Cancel").press("Enter")
    expect(page.get_by_role("status").filter(has_text="Cancelled. No file was saved.")).to_be_visible()
    expect(page.get_by_role("button", name="Export")).to_be_focused()


def test_an_import_shows_its_progress_and_the_refused_lines(alice: Person, hub: RunningHub, tmp_path: Path) -> None:
    hub.create_device("taker")
    lines = history(ROWS).splitlines()
    lines[100] = "soon,<script>document.title = 1</script>,1"
    lines[ROWS // 2] = 'lost,=1+1,"open'
    lines[ROWS] = f"{int(time.time()) + 3600}000,temperature,1"
    file = tmp_path / "history.csv"
    file.write_text("\n".join(lines))
    page = alice.page
    page.goto("/devices/taker/")
    page.get_by_role("link", name="Import").click()
    expect(page.get_by_role("button", name="Import")).to_be_disabled()
    page.get_by_label("Choose a CSV file").set_input_files(file)
    _record_progress(page)
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_role("status").filter(has_text="whole file")).to_be_visible()
    shares = page.evaluate("window.shares")
    assert len(set(shares)) > 2
    assert shares == sorted(shares)
    expect(page.locator("[data-stored]")).to_have_text(f"{ROWS - 3:,}")
    expect(page.locator("[data-refused-count]")).to_have_text("3")
    rows = page.locator("[data-lines] tr")
    expect(rows).to_have_count(3)
    numbers = [int(text) for text in page.locator("[data-lines] td:first-child").all_inner_texts()]
    assert numbers == [101, ROWS // 2 + 1, ROWS + 1]
    expect(rows.first).to_contain_text("<script>")
    expect(rows.nth(1)).to_contain_text("a quote is not closed")
    expect(rows.nth(2)).to_contain_text("more than five minutes in the future")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save these lines").click()
    saved = Path(download.value.path()).read_text()
    assert saved.startswith("line,reason,meaning,detail,text\n101,timestamp_invalid,")
    assert hub.manage("importreadings", "taker", str(file)).endswith(
        f"0 stored, {ROWS - 3:,} present already, 3 refused\n"
    )


def test_an_import_retries_when_the_hub_is_busy_and_stops_at_an_invalid_file(
    alice: Person, hub: RunningHub, tmp_path: Path
) -> None:
    hub.create_device("busy")
    page = alice.page
    answers = iter([503, 429])

    def busy(route: Route) -> None:
        status = next(answers, None)
        if status is None:
            route.continue_()
        else:
            error = '{"error": {"code": "unavailable", "message": "away", "retry": true}}'
            route.fulfill(status=status, body=error, content_type="application/json")

    page.route("**/readings.csv", busy)
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text(history(10))
    bad.write_text("a,b\n1,2\n")
    page.goto("/devices/busy/import/")
    page.get_by_label("Choose a CSV file").set_input_files(good)
    page.get_by_role("button", name="Import").click()
    expect(page.locator("[data-stored]")).to_have_text("10")
    page.get_by_label("good.csv").set_input_files(bad)
    page.get_by_role("button", name="Import").click()
    expect(page.locator("[data-transfer]")).to_have_attribute("data-state", "failed")
    expect(page.get_by_role("status").filter(has_text="does not name a column of times")).to_be_visible()


def test_a_cancelled_import_can_be_started_again(alice: Person, hub: RunningHub, tmp_path: Path) -> None:
    hub.create_device("again")
    file = tmp_path / "history.csv"
    file.write_text(history(ROWS))
    page = alice.page
    pieces = iter(range(100))
    # The second chunk is never answered.
    page.route("**/readings.csv", lambda route: route.continue_() if next(pieces) != 1 else None)
    page.goto("/devices/again/import/")
    page.get_by_label("Choose a CSV file").set_input_files(file)
    page.get_by_role("button", name="Import").click()
    expect(page.locator("[data-detail]")).to_contain_text("stored")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("status").filter(has_text="Cancelled. What was stored stays")).to_be_visible()
    first = int(page.locator("[data-stored]").inner_text().replace(",", ""))
    assert 0 < first < ROWS
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_role("status").filter(has_text="whole file")).to_be_visible()
    expect(page.locator("[data-present]")).to_have_text(f"{first:,}")
    expect(page.locator("[data-stored]")).to_have_text(f"{ROWS - first:,}")


@pytest.mark.parametrize("width", [PHONE["width"], 320, 1440])
def test_the_pages_keep_to_the_screen(alice: Person, hub: RunningHub, tmp_path: Path, filled: str, width: int) -> None:
    page = alice.page
    page.set_viewport_size({"width": width, "height": 844})
    file = tmp_path / "a-file-with-a-very-long-name-that-has-no-end-whatever-one-does-about-it.csv"
    file.write_text("time,a\n" + ("x" * 5_000 + ",1\n") * 120)
    page.goto(f"/devices/{filled}/import/")
    page.get_by_label("Choose a CSV file").set_input_files(file)
    page.get_by_role("button", name="Import").click()
    expect(page.locator("[data-told]")).to_have_text("the first 100 of 120")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.goto(f"/devices/{filled}/export/")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def _record_progress(page: Page) -> None:
    """Records the values of the progress bar in `window.shares`."""
    page.evaluate(
        """() => { window.shares = []; const bar = document.querySelector("progress");
        new MutationObserver(() => window.shares.push(bar.value)).observe(bar, { attributes: true }); }"""
    )


def _export(hub: RunningHub, uid: str, query: str = "") -> str:
    headers = {"Authorization": f"Bearer {hub.create_token('carol')}"}
    return httpx.get(f"{hub.url}/api/v1/devices/{uid}/readings.csv{query}", headers=headers).raise_for_status().text
