"""Who may send frames: anyone on this machine; from elsewhere only known keys, over CURVE.

    keys/bridge.key_secret     the bridge's own key pair
    keys/bridge.key            its public key, for the clients
    keys/clients/*.key         the allow-list: public keys of those who may send

CURVE without an allow-list accepts any key, so the allow-list is not optional. ``make_keys`` writes such a
folder.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path

import zmq
import zmq.auth
from zmq.auth.thread import ThreadAuthenticator

from paretoscope.errors import BadParameters

BRIDGE = "bridge"


def is_local(address: str) -> bool:
    """True for ipc, inproc and TCP on a loopback interface."""
    scheme, _, rest = address.partition("://")
    if scheme in ("ipc", "inproc"):
        return True
    host = rest.rpartition(":")[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_address(address: str, keys: Path | None) -> None:
    """Raises BadParameters for an address that is none, or open to others without keys."""
    scheme, _, rest = address.partition("://")
    if scheme not in ("tcp", "ipc", "inproc") or not rest or (scheme == "tcp" and ":" not in rest):
        raise BadParameters("bad-address", hint=f"{address!r} is no address; write tcp://127.0.0.1:5555.")
    if keys is None and not is_local(address):
        raise BadParameters(
            "keys-needed",
            hint=f"{address} can be reached from other machines. Give a folder of CURVE keys with an "
            "allow-list of clients (frames_keys), or listen on tcp://127.0.0.1:5555.",
        )


def make_keys(folder: Path, *clients: str) -> list[Path]:
    """Make the bridge's key pair where it is missing, and one pair for each new client.

    Returns the clients' secret key files: take each to its client and delete it here.
    """
    allowed = folder / "clients"
    allowed.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    if not (folder / f"{BRIDGE}.key_secret").exists():
        zmq.auth.create_certificates(folder, BRIDGE)
    made = []
    for client in clients:
        if (allowed / f"{client}.key").exists():
            raise BadParameters("key-exists", hint=f"There is a key for {client!r} already; remove it first.")
        made.append(Path(zmq.auth.create_certificates(allowed, client)[1]))
    return made


class Gate:
    """CURVE with an allow-list on one socket, for as long as it is open."""

    def __init__(self, context: zmq.Context, socket: zmq.Socket, keys: Path) -> None:
        """Raises BadParameters when the folder lacks the bridge's key or any client's."""
        secret = keys / f"{BRIDGE}.key_secret"
        allowed = keys / "clients"
        if not secret.is_file() or not any(allowed.glob("*.key")):
            raise BadParameters(
                "keys-missing",
                hint=f"{keys} must hold {BRIDGE}.key_secret and clients/*.key. "
                f"Make them: python -m paretoscope.bridge.keys {keys} NAME",
            )
        try:
            public_key, secret_key = zmq.auth.load_certificate(secret)
        except (OSError, ValueError) as error:
            raise BadParameters("keys-unreadable", hint=f"{secret}: {error}") from error
        socket.curve_publickey, socket.curve_secretkey = public_key, secret_key or b""
        socket.curve_server = True
        self._guard = ThreadAuthenticator(context)
        self._guard.start()
        self._guard.configure_curve(domain="*", location=str(allowed))

    def close(self) -> None:
        self._guard.stop()
