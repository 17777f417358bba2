"""Hosts on one switch, each a network namespace of this machine, in a world that ends with its first process.

    alpha 10.77.0.1 ──┐
     beta 10.77.0.2 ──┤ switch (a bridge in a namespace of its own)
        ...           ┘

``in_a_world_of_its_own`` starts a program in new network, mount and process namespaces. Whatever happens to
it, also kill -9, the kernel ends every process in there and takes links and names away with them: nothing is
left behind, and the machine's own network is never touched.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from paretoscope.adapters.tethered import tethered_command

NAMES = Path("/run/netns")
SWITCH = "switch"
CLONE_NEWNET = 0x40000000


def in_a_world_of_its_own(command: Sequence[str]) -> list[str]:
    """`command` with namespaces of its own, as a command that dies with this process and takes all along."""
    tool = shutil.which("unshare") or "/usr/bin/unshare"
    as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
    world = [tool, *as_root, "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    return tethered_command([*world, *command], signal.SIGKILL)


def refusal() -> str | None:
    """Why this machine gives us no namespaces; None where it does."""
    if sys.platform != "linux" or shutil.which("ip") is None or shutil.which("unshare") is None:
        return "network namespaces need Linux with unshare and ip"
    script = "from chaos._network import Network; Network('probe').cut('probe')"
    asked = subprocess.run(
        in_a_world_of_its_own([sys.executable, "-c", script]),
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=30.0,
        check=False,
    )
    return None if asked.returncode == 0 else f"no network namespaces here: {asked.stderr.strip()[-200:]}"


def _ip(*words: str) -> None:
    asked = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if asked.returncode:
        raise OSError(f"ip {' '.join(words)}: {asked.stderr.strip()}")


class Network:
    """To be used inside ``in_a_world_of_its_own`` only."""

    def __init__(self, *hosts: str) -> None:
        """Raises OSError where the kernel gives no namespaces, or too little to connect them."""
        NAMES.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "names", str(NAMES)], check=True)
        self.files = NAMES / "files"
        """A folder that goes with this world."""
        self.files.mkdir()
        self._addresses = {host: f"10.77.0.{number}" for number, host in enumerate(hosts, 1)}
        for name in (SWITCH, *hosts):
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
        _ip("-n", SWITCH, "link", "add", SWITCH, "type", "bridge")
        _ip("-n", SWITCH, "link", "set", SWITCH, "up")
        for host, address in self._addresses.items():
            _ip("-n", SWITCH, "link", "add", host, "type", "veth", "peer", "name", "eth0", "netns", host)
            _ip("-n", host, "address", "add", f"{address}/24", "dev", "eth0")
            _ip("-n", host, "link", "set", "eth0", "up")
            _ip("-n", SWITCH, "link", "set", host, "up")
            self.join(host)

    def address(self, host: str) -> str:
        return self._addresses[host]

    def cut(self, host: str) -> None:
        """Every packet from and to the host is lost from now on; nobody is told: no FIN, no carrier down."""
        _ip("-n", SWITCH, "link", "set", host, "nomaster")

    def join(self, host: str) -> None:
        _ip("-n", SWITCH, "link", "set", host, "master", SWITCH)

    def start(
        self, host: str, command: Sequence[str], environment: Mapping[str, str], log: Path
    ) -> subprocess.Popen[bytes]:
        """Run a program on that host, which has a name of its own too."""
        named = ["unshare", "--uts", "sh", "-c", 'echo "$0" >/proc/sys/kernel/hostname; exec "$@"', host]
        with log.open("ab") as out:
            return subprocess.Popen(
                ["ip", "netns", "exec", host, *named, *command], env=environment, stdout=out, stderr=out
            )

    @contextmanager
    def within(self, host: str) -> Iterator[None]:
        """What this thread connects, and what threads it starts connect, does so from that host."""
        with open("/proc/thread-self/ns/net") as before, (NAMES / host).open() as there:
            _enter(there.fileno())
            try:
                yield
            finally:
                _enter(before.fileno())


def _enter(namespace: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")
