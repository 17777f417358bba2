from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from paretoscope.api.server import ApiServer
from serving import api, server, store, worker  # noqa: F401


@pytest.fixture
def http(api: ApiServer) -> Iterator[httpx.Client]:  # noqa: F811
    with httpx.Client(base_url=api.url, timeout=20.0, trust_env=False) as client:
        yield client
