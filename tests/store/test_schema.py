"""A store that another major version filled is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from paretoscope.adapters.store import Store
from paretoscope.adapters.store.launch import EmbeddedStore, attach, launch
from paretoscope.contract import SCHEMA_MAJOR
from paretoscope.errors import Incompatible
from paretoscope.settings import load


def test_a_store_of_another_major_version_is_refused_and_left_as_it_is(folder: Path) -> None:
    settings = load(data=folder)
    with EmbeddedStore(folder) as server, Store.open(server.url) as store:
        store._redis.set("ps:schema", "7")
        store._redis.set("ps:frame:of-theirs", "as it was")
    with pytest.raises(Incompatible, match=r"other-store-version.*Version 7.*--data"):
        launch(settings)
    with EmbeddedStore(folder) as server, Store.open(server.url) as store:  # it has let go of the folder
        assert store._redis.get("ps:frame:of-theirs") == b"as it was"
        with pytest.raises(Incompatible):
            attach(settings)


def test_a_store_without_a_version_is_ours_from_then_on(folder: Path) -> None:
    """As those are that were filled before stores had one."""
    settings = load(data=folder)
    for _ in range(2):
        url, embedded = launch(settings)
        assert embedded is not None
        with Store.open(url) as store:
            assert store._redis.get("ps:schema") == str(SCHEMA_MAJOR).encode()
        embedded.stop()


def test_a_store_whose_disk_is_full_is_taken_up_too(store: Store) -> None:
    store._redis.config_set("maxmemory", "1")
    try:
        store.take_up()
        assert store._redis.get("ps:schema") == str(SCHEMA_MAJOR).encode()
    finally:
        store._redis.config_set("maxmemory", "0")
