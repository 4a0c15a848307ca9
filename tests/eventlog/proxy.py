"""Stands between a client and PostgreSQL, and cuts the line at the worst moment."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

from psycopg.conninfo import conninfo_to_dict, make_conninfo

PARSE, PARSED = b"P", b"1"  # a connection prepares a statement before it uses it


class Proxy:
    """TCP on loopback to a server's Unix socket. `cut_after_request` hangs up once the server has
    the next request, `cut_after_reply` once it has answered it: the client hears neither.
    """

    def __init__(self, conninfo: str) -> None:
        given = conninfo_to_dict(conninfo)
        self._target = str(Path(str(given["host"]), f".s.PGSQL.{given['port']}"))
        self._door = socket.create_server(("127.0.0.1", 0))
        port = self._door.getsockname()[1]
        self.conninfo = make_conninfo(conninfo, host="127.0.0.1", port=port, sslmode="disable")
        self.cut_after_request, self.cut_after_reply = Event(), Event()
        Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._door.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._door.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._target)
                for pump in (self._requests, self._replies):
                    Thread(target=pump, args=(client, server), daemon=True).start()

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        for request in heard(client):
            server.sendall(request)
            if self.cut_after_request.is_set() and request[:1] != PARSE:
                self.cut_after_request.clear()
                break
        hang_up(client, server)

    def _replies(self, client: socket.socket, server: socket.socket) -> None:
        for reply in heard(server):
            if self.cut_after_reply.is_set() and reply[:1] != PARSED:
                self.cut_after_reply.clear()
                break
            with suppress(OSError):
                client.sendall(reply)
        hang_up(client, server)


def heard(line: socket.socket) -> Iterator[bytes]:
    with suppress(OSError):
        while said := line.recv(65_536):
            yield said


def hang_up(*lines: socket.socket) -> None:
    for line in lines:
        with suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)
        line.close()


@contextmanager
def a_proxy(conninfo: str) -> Iterator[Proxy]:
    proxy = Proxy(conninfo)
    try:
        yield proxy
    finally:
        proxy.close()
