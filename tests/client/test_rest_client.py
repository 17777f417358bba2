"""The REST client and its asyncio twin against a running API and store."""

from __future__ import annotations

import contextlib
import inspect
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

from client.twins import Awaited, client  # noqa: F401
from paretoscope.adapters.store import Store
from paretoscope.api import create_app
from paretoscope.api.server import ApiServer
from paretoscope.contract import AtomMap, Classes, ParameterMap, StreamPolicy
from paretoscope.errors import BadInput, NotFound, ParetoscopeError, ServiceDown, StoreDown
from paretoscope_client import AsyncClient, Client
from serving import SmallWorker, api, picture, points, put_worked, results, server, store, worker  # noqa: F401


def documents(frame_id: str) -> dict[type, Any]:
    return {type(one): one for one in results(frame_id)}


def test_everything_about_a_frame_arrives_as_it_was_stored(client: Any, store: Store):  # noqa: F811
    frame_id = put_worked(store)
    truth = documents(frame_id)

    view, atoms, classes = client.latest("stem"), client.atoms(frame_id), client.classes(frame_id)

    assert (view.frame_id, view.atoms, view.qc, view.header) == (frame_id, 60, 0.06, store.header(frame_id))
    again = client.frame(frame_id)
    assert view.model_dump(exclude={"age_s"}) == again.model_dump(exclude={"age_s"})
    for name, column in truth[AtomMap].columns.items():
        assert atoms[name].dtype == column.dtype
        np.testing.assert_array_equal(atoms[name], column)
    for name in Classes.model_fields:
        np.testing.assert_equal(getattr(classes, name), getattr(truth[Classes], name))
    assert client.front(frame_id) == store.document(frame_id, type(client.front(frame_id)))
    assert client.windows(frame_id) == truth[ParameterMap]
    np.testing.assert_array_equal(client.image(frame_id), store.pixels(frame_id))
    assert list(client.atoms(frame_id, ["x_px"])) == ["x_px"]
    assert [one.stream for one in client.streams()] == ["stem"]
    assert client.frames("stem") == [frame_id]


def test_a_pick_comes_back_re_detected(client: Any, store: Store, worker: SmallWorker):  # noqa: F811
    frame_id = put_worked(store)
    picked = client.choose(frame_id, weight=1.0)
    assert (picked.state, picked.frame.chosen, picked.frame.atoms) == ("done", 3, 38)
    assert len(client.atoms(frame_id)["y_px"]) == 38
    params = client.choose(frame_id, point=2, scope="frame", by="test").frame.params
    assert params == points()[2].params
    assert client.choice(picked.choice_id).state == "done"


def test_a_pick_nobody_answers_is_queued(client: Any, store: Store):  # noqa: F811
    assert client.choose(put_worked(store), point=0, wait_s=0.05).state == "queued"


@pytest.mark.parametrize("kind", [Client, Awaited])
def test_a_pick_whose_answer_was_lost_is_asked_again_and_made_once(
    kind: Any,
    api: ApiServer,  # noqa: F811
    store: Store,  # noqa: F811
    worker: SmallWorker,  # noqa: F811
):
    frame_id = put_worked(store)
    with answers_lost(api.url, 1) as (url, lost):
        client = kind(url)
        assert client.choose(frame_id, weight=1.0).frame.atoms == 38
        getattr(client, "end", client.close)()
    assert len(lost) == 1
    assert b'"state":"done"' in lost[0]
    assert store.counters()["choices:done"] == 1


def test_a_pick_at_a_service_that_stays_away_ends_when_its_time_is_up():
    with Client("http://127.0.0.1:9") as nobody, pytest.raises(ServiceDown, match=r"127\.0\.0\.1:9"):
        nobody.choose("a-b-000000", point=0, wait_s=0.3)


@contextmanager
def answers_lost(url: str, count: int) -> Iterator[tuple[str, list[bytes]]]:
    """(address, what was lost): what asks there reaches the service; its first answers never come back."""
    at, lost = urlsplit(url), []
    ended = threading.Event()

    def carry(asking: socket.socket) -> None:
        with asking, socket.create_connection((at.hostname, at.port), timeout=5.0) as service:
            asked = asking.recv(65536)
            while b"\r\n\r\n" not in asked or asked.endswith(b"\r\n\r\n"):
                asked += asking.recv(65536)
            service.sendall(asked.replace(b"Connection: keep-alive", b"Connection: close"))
            answer = b"".join(iter(lambda: service.recv(65536), b""))
            if len(lost) < count:
                lost.append(answer)
            else:
                asking.sendall(answer)

    def serve() -> None:
        while not ended.is_set():
            with contextlib.suppress(TimeoutError):
                carry(door.accept()[0])

    with socket.create_server(("127.0.0.1", 0)) as door:
        door.settimeout(0.1)
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{door.getsockname()[1]}", lost
        ended.set()
        thread.join()


def test_an_image_is_sent_and_its_result_awaited(client: Any, worker: SmallWorker):  # noqa: F811
    done = client.submit(picture(), stream="lab", pixel_size_nm=0.02, dwell_us=5.0, wait_s=10.0)
    assert (done.state, done.atoms, done.header.pixel_size_nm) == ("done", 60, (0.02, 0.02))
    taken = client.submit(picture(1), stream="lab")
    assert taken.stream == "lab"
    assert client.readiness().ready is True


def test_policy_and_names_are_kept(client: Any, store: Store):  # noqa: F811
    wanted = StreamPolicy(lattice="sto", deadline_s=1.0, rewards=["qc", "er"])
    assert client.set_policy("stem", wanted).lattice == "SrTiO3"
    assert client.policy("stem") == store.policy("stem")
    assert client.name_class("stem", 1, "Ti") == {1: "Ti"}
    assert client.class_names("stem") == {1: "Ti"}
    assert client.name_class("stem", 1, None) == {}


def test_results_come_one_by_one_and_never_an_old_one(client: Any, store: Store):  # noqa: F811
    put_worked(store, 0)
    stop = threading.Event()
    feeding = threading.Thread(target=_feed, args=(store, stop))
    feeding.start()
    heard = []
    for frame in client.results("stem", unfit="pass", wait_s=5.0):
        heard.append(frame.header.sequence)
        if len(heard) == 3:
            break
    stop.set()
    feeding.join()
    assert 0 not in heard
    assert heard == sorted(set(heard))


def _feed(store: Store, stop: threading.Event) -> None:  # noqa: F811
    for sequence in range(1, 200):
        if stop.wait(0.3):
            return
        put_worked(store, sequence)


def test_a_loop_may_begin_before_the_instrument(client: Any, store: Store):  # noqa: F811
    threading.Timer(0.3, put_worked, (store, 0)).start()
    assert next(client.results("stem", unfit="pass", wait_s=5.0)).header.sequence == 0


def test_events_are_heard_and_resumed(client: Any, store: Store):  # noqa: F811
    put_worked(store, 0)
    events = client.events("stem", after="0")
    assert [next(events).kind for _ in range(2)] == ["frame", "result"]
    put_worked(store, 1)
    assert [next(events).frame_id for _ in range(2)] == ["stem-e1-000001"] * 2
    events.close()


def test_refusals_carry_code_and_hint(client: Any, store: Store):  # noqa: F811
    frame_id = put_worked(store)
    with pytest.raises(NotFound, match="no-such-frame"):
        client.frame("nobody-e1-000000")
    with pytest.raises(BadInput, match=r"no-such-point.*points 0 to 3"):
        client.choose(frame_id, point=99)
    with pytest.raises(BadInput, match="unknown-column"):
        client.atoms(frame_id, ["z"])
    with pytest.raises(BadInput, match="bad-image-shape"):
        client.submit(np.zeros((2, 3, 4)))
    with pytest.raises(NotFound, match="no-such-stream"):
        client.latest("nobody")


def test_a_store_that_is_down_is_told_apart_from_a_service_that_is():
    with Store.open("redis://127.0.0.1:1") as nowhere, ApiServer(create_app(nowhere)) as lonely:
        with Client(lonely.url) as plain, pytest.raises(StoreDown):
            plain.streams()
        url = lonely.url
    with Client(url) as plain, pytest.raises(ServiceDown, match="cannot be reached") as told:
        plain.streams()
    assert told.value.retry is True


def test_an_address_that_is_none_is_said():
    with Client("localhost:8000") as plain, pytest.raises(ParetoscopeError, match="address"):
        plain.streams()


def test_followers_survive_a_restart_of_the_service(store: Store):  # noqa: F811
    put_worked(store, 0)
    with ApiServer(create_app(store)) as first:
        port = first.port
        with Client(first.url) as plain:
            frames, events = (
                plain.results("stem", unfit="pass", include_current=True),
                plain.events(after="0"),
            )
            assert next(frames).header.sequence == 0
            assert [next(events).kind for _ in range(2)] == ["frame", "result"]
            first.__exit__(None, None, None)
            put_worked(store, 1)
            with ApiServer(create_app(store), port=port):
                assert next(frames).header.sequence == 1
                assert next(events).frame_id == "stem-e1-000001"


def test_the_client_never_loads_torch_fastapi_or_redis():
    code = (
        "import sys, paretoscope_client; "
        "print([m for m in ('torch', 'fastapi', 'redis', 'scipy', 'pyarrow') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_the_twins_have_the_same_methods_with_the_same_arguments():
    names = [name for name in vars(Client) if not name.startswith("_")]
    assert names == [name for name in vars(AsyncClient) if not name.startswith("_")]
    for name in names:
        plain, awaited = (
            inspect.signature(getattr(Client, name)),
            inspect.signature(getattr(AsyncClient, name)),
        )
        assert plain.parameters == awaited.parameters, name
