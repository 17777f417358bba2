from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request, sync_playwright

from paretoscope.adapters.store import Store
from paretoscope.api.server import ApiServer
from paretoscope.errors import StoreDown
from service.conftest import Service, client, service  # noqa: F401
from serving import api, server, store, worker  # noqa: F401

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Not for the whole session: while it is open its event loop keeps others from running theirs.
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("there is no chromium here (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield running
        running.close()


class Heart:
    """Signs of life of a worker and a bridge that are not there, so that the service counts as well."""

    def __init__(self, store: Store) -> None:  # noqa: F811
        self._store = store
        self._still = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heart", daemon=True)

    def _beat(self) -> None:
        while True:
            with suppress(StoreDown):
                self._store.beat("idle", pid=1, device="cpu", state="ready", ttl_s=60.0)
                self._store.beat_bridge("tcp://127.0.0.1:5555", pid=1, ttl_s=60.0)
            if self._still.wait(1.0):
                return

    def stop(self) -> None:
        """Nobody is heard of any more."""
        self._still.set()
        self._thread.join(10.0)

    def __enter__(self) -> Heart:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


@pytest.fixture
def heart(store: Store) -> Iterator[Heart]:  # noqa: F811
    with Heart(store) as beating:
        yield beating


@pytest.fixture
def page(browser: Browser, api: ApiServer, heart: Heart, tmp_path: Path) -> Iterator[Page]:  # noqa: F811
    """The dashboard on an instrument's monitor; fails on script errors and on requests to others."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, base_url=api.url)
    opened = context.new_page()
    opened.set_default_timeout(20_000)
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(f"script error: {error}"))

    def only_ours(request: Request) -> None:
        if not request.url.startswith((api.url, "data:", "blob:")):
            wrong.append(f"asked another server: {request.url}")

    opened.on("request", only_ours)
    yield opened
    opened.screenshot(path=tmp_path / "last.png")
    context.close()
    assert wrong == []


@pytest.fixture
def live(browser: Browser, service: Service) -> Iterator[Page]:  # noqa: F811
    """The dashboard on a whole service with its own worker."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, base_url=service.url)
    opened = context.new_page()
    opened.set_default_timeout(60_000)
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(f"script error: {error}"))
    yield opened
    context.close()
    assert wrong == []
