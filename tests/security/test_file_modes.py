"""What the service writes is readable by its owner alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from paretoscope.adapters.api_keys import KeyFile
from paretoscope.adapters.store import Store
from paretoscope.adapters.store.launch import EmbeddedStore
from paretoscope.bridge.security import make_keys
from serving import put_worked


@pytest.fixture
def generous() -> Iterator[None]:
    """An account whose files everybody may read and write unless a program says otherwise."""
    before = os.umask(0o000)
    yield
    os.umask(before)


def test_every_file_of_the_data_folder_is_its_owners_alone(tmp_path: Path, generous: None) -> None:
    data = tmp_path / "data"
    KeyFile(data / "api-keys.json").make("laptop", "read")
    with EmbeddedStore(data) as server, Store.open(server.url) as store:
        put_worked(store)
        store._redis.bgrewriteaof()
        make_keys(data / "frames-keys", "spectra")
        found = [data, *data.rglob("*")]
        public = {"bridge.key", "spectra.key"}
        assert {"store.log", "store.sock", "store.lock", "appendonlydir"} <= {one.name for one in found}
        for one in found:
            if one.name not in public:  # CURVE's public halves, in a folder that is closed
                assert one.stat().st_mode & 0o077 == 0, one


def test_a_folder_of_an_earlier_version_is_closed_at_the_next_start(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with EmbeddedStore(data):
        pass
    held = [data / "store.log", data / "appendonlydir", *(data / "appendonlydir").iterdir()]
    for one in held:
        one.chmod(one.stat().st_mode | 0o044)
    with EmbeddedStore(data):
        for one in held:
            assert not one.exists() or one.stat().st_mode & 0o077 == 0, one
