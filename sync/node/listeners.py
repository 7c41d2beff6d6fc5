"""Listening sockets that the service manager holds and hands over (sd_listen_fds): a restart refuses no connection.

The manager keeps the socket while the process is away, so a till that asks meanwhile waits instead of being refused. cheroot has
a switch of its own for this and it is not used: it looks at neither the number nor the address of what was handed over, always
takes the first, and takes it for IPv4 — the hub has two listeners.
"""

import os
import socket
from collections.abc import MutableMapping
from typing import Protocol

FIRST_HANDLE = 3


class WrongSocketError(OSError):
    """What was handed over cannot serve as the listener that the settings name."""


class Listening(Protocol):
    """What is needed of an HTTP server to give it a socket (cheroot's has it)."""

    socket: socket.socket
    bind_addr: object

    def bind(self, family: int, type: int, proto: int = 0) -> object:  # noqa: A002 - cheroot's name
        """Make the socket."""
        ...


def take(environment: MutableMapping[str, str], pid: int) -> list[socket.socket]:
    """Take the sockets that were handed to this process; each listener of ours then claims the one at its port.

    The variables are taken out and the handles closed to children: a child that kept one would hold the port.

    Args:
        environment: usually `os.environ`.
        pid: of this process; what was meant for another is left alone.

    Raises:
        WrongSocketError: a handle is no listening TCP socket.
    """
    told = {name: environment.pop(name, "") for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")}
    if told["LISTEN_PID"] != str(pid) or not told["LISTEN_FDS"].isdigit():
        return []
    return [_listening(FIRST_HANDLE + at) for at in range(int(told["LISTEN_FDS"]))]


def claim(held: list[socket.socket], port: int) -> socket.socket | None:
    """Take out of the list the socket that listens at a port; for port 0 the first. None: bind one's own."""
    for each in held:
        if port in {0, each.getsockname()[1]}:
            held.remove(each)
            return each
    return None


def refuse_unclaimed(held: list[socket.socket]) -> None:
    """See to it that every socket found its listener; one that nobody serves would let clients wait for ever.

    Raises:
        WrongSocketError: one is left.
    """
    if held:
        ports = ", ".join(str(each.getsockname()[1]) for each in held)
        raise WrongSocketError(
            f"the .socket unit listens at port {ports}, where the settings name no listener; make the two agree"
        )


def _listening(handle: int) -> socket.socket:
    try:
        os.set_inheritable(handle, False)  # noqa: FBT003 - os takes it by position only
        found = socket.socket(fileno=handle)
        wanted = found.family in {socket.AF_INET, socket.AF_INET6} and found.type == socket.SOCK_STREAM
        if wanted and found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            return found
        found.detach()
    except OSError as error:
        raise WrongSocketError(f"the socket that was handed over as {handle} cannot be used: {error}") from error
    raise WrongSocketError(
        f"what was handed over as {handle} is no TCP listener; correct ListenStream= in the .socket unit"
    )


def hand_over(server: Listening, held: socket.socket | None) -> None:
    """Let a server serve on a socket that listens already, at its `prepare()`; None leaves it to bind its own."""
    if held is None:
        return
    given = held

    def bind(family: int, type: int, proto: int = 0) -> object:  # noqa: A002, ARG001 - cheroot's names
        if server.socket is not given:
            # Accepted connections inherit it on Linux, as from a socket of the server's own.
            given.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            server.socket = given
            server.bind_addr = given.getsockname()[:2]
        return given

    server.bind = bind  # type: ignore[method-assign]
