from __future__ import annotations

from serving import api, server, store, worker  # noqa: F401
