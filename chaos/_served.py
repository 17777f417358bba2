"""A served API to ask things of: a real store with frames, results, choices and streams in it, behind keys.

with Served() as served:
    httpx.get(served.url + "/v1/streams", headers=served.bearer("read"))

The worker is a small one that answers at once, and the one instrument that can be started only sleeps: what
is tried here is the API, not what is behind it.
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from paretoscope.adapters.api_keys import SCOPES, KeyFile
from paretoscope.adapters.store import Store
from paretoscope.adapters.store.launch import EmbeddedStore
from paretoscope.api import ApiSettings, create_app
from paretoscope.api.server import ApiServer
from paretoscope.contract import Fault
from paretoscope.instruments import Reconciler, catalogue
from paretoscope.settings import Limits, load

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "tests"))  # the small worker and its frames are those of the tests

from serving import SmallWorker, put, put_worked  # noqa: E402

FRAMES = {"stem": 6, "other": 3}


class Served:
    def __init__(self, **settings: object) -> None:
        """settings: of the API, over those that keep a trial short."""
        self._settings = {
            "max_wait_s": 0.2,
            "choice_wait_s": 0.2,
            "requests_per_s": 1e6,
            "wrong_keys": 1e9,
            "max_body_bytes": 1_000_000,
        } | settings
        self._stack = ExitStack()
        self.tokens: dict[str, str] = {}
        self.frames: list[str] = []
        self.dead = ""
        """A frame that workers died over."""
        self.url = ""

    def __enter__(self) -> Served:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ps-chaos-")))
            server = stack.enter_context(EmbeddedStore(folder / "data"))
            limits = Limits(history_frames=40, backlog_frames=32)
            self.store = stack.enter_context(Store.open(server.url, limits))
            self._fill()
            self.keys = KeyFile(folder / "data" / "api-keys.json")
            self.tokens = {scope: self.keys.make(f"{scope}-key", scope)[1] for scope in SCOPES}
            stack.enter_context(SmallWorker(self.store))
            still = [
                replace(one, command=lambda *_: [sys.executable, "-c", "import time; time.sleep(0.5)"])
                for one in catalogue(load(data=folder / "data"))
                if one.name == "simulator"
            ]
            stack.enter_context(Reconciler(self.store, still, "tcp://127.0.0.1:1"))
            settings = ApiSettings.model_validate(self._settings | {"keys": self.keys.file})
            api = stack.enter_context(ApiServer(create_app(self.store, settings)))
            self.url = api.url
            self._stack = stack.pop_all()
        return self

    def _fill(self) -> None:
        for stream, count in FRAMES.items():
            self.frames += [put_worked(self.store, number, stream=stream) for number in range(count)]
        self.dead = put(self.store, 0, stream="deadly")
        fault = Fault(code="workers-died", hint="Three workers died over it.", frame_id=self.dead)
        claim = self.store.claim_frame("w", 0.1)
        assert claim is not None
        self.store.bury_frame(claim, fault)

    def bearer(self, scope: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[scope]}"}

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
