"""The API as a process of its own, over a socket that its parent holds: it never loads the numerics."""

from __future__ import annotations

import os
import socket
from contextlib import suppress

from paretoscope.adapters import logs
from paretoscope.adapters.api_keys import check_reach
from paretoscope.adapters.key_journal import KeyJournal
from paretoscope.adapters.listening import API_SOCKET, BRIDGE_HERE, for_http, inherited
from paretoscope.adapters.reach import is_loopback
from paretoscope.adapters.store import Store
from paretoscope.adapters.store.launch import store_url
from paretoscope.adapters.trim import keep_trimmed, settle
from paretoscope.api.app import create_app
from paretoscope.api.server import ApiServer
from paretoscope.api.settings import ApiSettings
from paretoscope.errors import ParetoscopeError
from paretoscope.settings import Settings, load


def api_settings(settings: Settings) -> ApiSettings:
    """Reachable under its own host name, loopback and `http_hosts`."""
    usual = ApiSettings().allowed_hosts
    own = () if settings.http_host in ("0.0.0.0", "::") else (settings.http_host,)
    return ApiSettings(
        allowed_hosts=tuple(dict.fromkeys([*usual, *own, *settings.http_hosts])),
        keys=settings.api_keys_file,
        keys_required=not is_loopback(settings.http_host),
        requests_per_s=settings.limits.requests_per_s,
        needs_bridge=BRIDGE_HERE in os.environ,
    )


def main() -> None:
    """Serve until SIGTERM; settings come through the environment."""
    settings = load()
    logs.configure(settings.log_level, settings.log_json)
    check_reach(settings.http_host, settings.api_keys_file)
    given = inherited(API_SOCKET)
    bound = for_http(settings.http_host, settings.http_port) if given is None else socket.socket(fileno=given)
    with Store.open(store_url(settings), settings.limits) as store:
        with suppress(ParetoscopeError):  # a store that is not up yet gets it at the next start
            KeyJournal(settings.keys_journal).hand_over(store)
        server = ApiServer(create_app(store, api_settings(settings)), listening=bound)
        settle()
        keep_trimmed(collect=True)
        server.run()


if __name__ == "__main__":
    main()
