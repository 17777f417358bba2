"""Who may send frames: anyone on this machine; from elsewhere only known keys, over CURVE.

    keys/bridge.key_secret     the bridge's own key pair
    keys/bridge.key            its public key, for the clients
    keys/clients/*.key         the allow-list: public keys of those who may send

CURVE without an allow-list accepts any key, so the allow-list is not optional. ``make_keys`` writes such a
folder.
"""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path

import zmq
import zmq.auth
from zmq.auth.thread import ThreadAuthenticator

from paretoscope.adapters.reach import is_loopback
from paretoscope.errors import BadParameters

log = logging.getLogger(__name__)

BRIDGE = "bridge"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def is_local(address: str) -> bool:
    """True for ipc, inproc and TCP on a loopback interface."""
    scheme, _, rest = address.partition("://")
    if scheme in ("ipc", "inproc"):
        return True
    return is_loopback(rest.rpartition(":")[0])


def check_address(address: str, keys: Path | None) -> None:
    """Raises BadParameters for an address that is none, or open to others without keys."""
    scheme, _, rest = address.partition("://")
    if scheme not in ("tcp", "ipc", "inproc") or not rest or (scheme == "tcp" and ":" not in rest):
        raise BadParameters("bad-address", hint=f"{address!r} is no address; write tcp://127.0.0.1:5555.")
    if keys is None and not is_local(address):
        raise BadParameters(
            "keys-needed",
            hint=f"{address} can be reached from other machines, so senders need keys. Run `paretoscope keys "
            "make --scope send --name SENDER`, then set PARETOSCOPE_FRAMES_KEYS to the folder it names; or "
            "listen on tcp://127.0.0.1:5555.",
        )


def make_keys(folder: Path, *clients: str) -> list[Path]:
    """Make the bridge's key pair where it is missing, and one pair for each new client.

    Returns the clients' secret key files: take each to its client and delete it here.
    """
    allowed = folder / "clients"
    allowed.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    if not (folder / f"{BRIDGE}.key_secret").exists():
        _pair(folder, BRIDGE)
    made = []
    for client in clients:
        if not NAME.fullmatch(client):
            raise BadParameters("bad-name", hint=f"{client[:80]!r} is no name: 1-64 of A-Z a-z 0-9 . _ -")
        if (allowed / f"{client}.key").exists():
            raise BadParameters("key-exists", hint=f"There is a key for {client!r} already; remove it first.")
        made.append(_pair(allowed, client))
    return made


def _pair(folder: Path, name: str) -> Path:
    """Write NAME.key and NAME.key_secret; returns the secret one, which only its owner may read."""
    before = os.umask(0o077)  # from its first byte on, not only after a chmod
    try:
        secret = Path(zmq.auth.create_certificates(folder, name)[1])
    finally:
        os.umask(before)
    (folder / f"{name}.key").chmod(0o644)
    return secret


def senders(folder: Path) -> list[str]:
    """Names on the allow-list."""
    return sorted(file.stem for file in (folder / "clients").glob("*.key"))


def revoke(folder: Path, client: str) -> bool:
    """Take a sender off the allow-list; False where it was not on it."""
    if client not in senders(folder):
        return False
    for ending in ("key", "key_secret"):
        (folder / "clients" / f"{client}.{ending}").unlink(missing_ok=True)
    return True


def own_keys(folder: Path) -> tuple[bytes, bytes]:
    """The bridge's public and secret key. Raises BadParameters when the folder lacks these or clients'."""
    secret = folder / f"{BRIDGE}.key_secret"
    if not secret.is_file() or not any((folder / "clients").glob("*.key")):
        raise BadParameters(
            "keys-missing",
            hint=f"{folder} must hold {BRIDGE}.key_secret and clients/*.key. Make them: "
            f"PARETOSCOPE_FRAMES_KEYS={folder} paretoscope keys make --scope send --name SENDER",
        )
    try:
        public_key, secret_key = zmq.auth.load_certificate(secret)
    except (OSError, ValueError) as error:
        raise BadParameters("keys-unreadable", hint=f"{secret}: {error}") from error
    return public_key, secret_key or b""


class Gate:
    """CURVE with an allow-list on one socket, for as long as it is open."""

    def __init__(self, context: zmq.Context, socket: zmq.Socket, keys: Path) -> None:
        """Raises BadParameters when the folder lacks the bridge's key or any client's."""
        socket.curve_publickey, socket.curve_secretkey = own_keys(keys)
        socket.curve_server = True
        self._allowed = keys / "clients"
        self._seen = self._listed()
        self._guard = ThreadAuthenticator(context)
        self._guard.start()
        self._guard.configure_curve(domain="*", location=str(self._allowed))

    def _listed(self) -> frozenset[tuple[str, int]]:
        return frozenset((file.name, file.stat().st_mtime_ns) for file in self._allowed.glob("*.key"))

    def refresh(self) -> None:
        """Read the allow-list again where it changed: new senders may come, revoked ones not come back.

        An empty list stays a list: nobody is let in. CURVE asks once, when a connection opens; what a
        revoked sender has open ends with its connection or the bridge.
        """
        try:
            listed = self._listed()
            if listed != self._seen:
                self._guard.configure_curve(domain="*", location=str(self._allowed))
                self._seen = listed
        except (OSError, ValueError) as error:
            log.warning("the allow-list cannot be read, the last one holds: %s", error)

    def close(self) -> None:
        self._guard.stop()
