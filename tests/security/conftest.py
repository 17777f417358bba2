from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from paretoscope.adapters.api_keys import SCOPES, KeyFile
from paretoscope.adapters.store import Store
from paretoscope.api import ApiSettings, create_app
from paretoscope.api.server import ApiServer
from serving import server, store, worker  # noqa: F401


@pytest.fixture
def keys(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "keys" / "api-keys.json")


@pytest.fixture
def tokens(keys: KeyFile) -> dict[str, str]:
    """Scope -> the token of a key with it."""
    return {scope: keys.make(f"{scope}-key", scope)[1] for scope in SCOPES}


@pytest.fixture
def guarded(keys: KeyFile, tokens: dict[str, str], store: Store) -> Iterator[ApiServer]:  # noqa: F811
    """An API that asks for keys."""
    settings = ApiSettings(keys=keys.file, max_body_bytes=1_000_000, choice_wait_s=5.0)
    with ApiServer(create_app(store, settings)) as running:
        yield running


@pytest.fixture
def http(guarded: ApiServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=guarded.url, timeout=20.0, trust_env=False) as client:
        yield client


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
