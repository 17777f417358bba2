from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from paretoscope.adapters.store import Store
from paretoscope.adapters.store.launch import EmbeddedStore
from paretoscope.settings import Limits


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    with EmbeddedStore(tmp_path_factory.mktemp("store")) as running:
        yield running


@pytest.fixture
def store(server: EmbeddedStore) -> Iterator[Store]:
    with Store.open(server.url, Limits(history_frames=5, backlog_frames=8), claim_idle_s=0.3) as opened:
        opened._redis.flushall()
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"
