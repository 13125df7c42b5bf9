"""Addresses to listen on, in the forms that sockets, URLs and people use; IPv4, IPv6 and names."""

import ipaddress
import socket

_EVERYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}


def url_of(host: str, port: int, path: str = "") -> str:
    """The URL of a server, with brackets round an IPv6 address."""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}{path}"


def local_address(host: str) -> str:
    """The address by which this machine reaches a server that listens on ``host``."""
    return _EVERYWHERE.get(host, host)


def shown_address(host: str) -> str:
    """The name or address that a person on this machine types to reach a server that listens on ``host``."""
    return "localhost" if host in _EVERYWHERE or host == "127.0.0.1" else host


def is_address(name: str) -> bool:
    """Whether a text is an IPv4 or IPv6 address, without brackets."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def why_not_listen(host: str, port: int) -> str | None:
    """Why a server cannot listen on an address and port now; None when it can."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host or None, port, 0, socket.SOCK_STREAM, 0, socket.AI_PASSIVE)[
            0
        ]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return error.strerror or str(error)
    return None


def unused_port() -> int:
    """A port of the loopback interface on which no process listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def accepts_connections(host: str, port: int) -> bool:
    """Whether a server on this machine that listens on ``host`` accepts connections."""
    try:
        socket.create_connection((local_address(host), port), timeout=0.5).close()
    except OSError:
        return False
    return True
