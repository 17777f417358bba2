"""The bridge as a process of its own, over a socket that its parent holds: killed, it comes back."""

from __future__ import annotations

import signal
import threading

from paretoscope.adapters import logs
from paretoscope.adapters.listening import BRIDGE_PULSE, BRIDGE_SOCKET, inherited
from paretoscope.adapters.store import Store
from paretoscope.adapters.store.launch import store_url
from paretoscope.bridge.loop import Bridge
from paretoscope.settings import load


def main() -> None:
    """Take frames until SIGTERM; settings come through the environment."""
    settings = load()
    logs.configure(settings.log_level, settings.log_json)
    stop = threading.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: stop.set())
    with Store.open(store_url(settings), settings.limits) as store:
        bridge = Bridge(store, settings, descriptor=inherited(BRIDGE_SOCKET), pulse=inherited(BRIDGE_PULSE))
        bridge.run(stop)


if __name__ == "__main__":
    main()
