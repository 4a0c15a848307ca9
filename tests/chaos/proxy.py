"""A line that can be cut: connections are refused, or nothing comes through for a while."""

import socket
from contextlib import suppress
from threading import Event as Flag
from threading import Lock, Thread

Target = tuple[str, int] | str  # a host and a port, or the path of a Unix socket


class Line:
    """TCP from a port of loopback to somewhere. `open`, `refused`: who comes is sent away and who
    is there is cut off; `silent`: what is said arrives only when the line is open again, as on a
    network that comes back."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.flows, self.refuses = Flag(), False
        self.flows.set()
        self._lock, self._lines = Lock(), set[socket.socket]()
        self._door = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = int(self._door.getsockname()[1])
        Thread(target=self._serve, daemon=True).start()

    def silence(self) -> None:
        self.flows.clear()

    def refuse(self) -> None:
        self.refuses = True
        with self._lock:
            for line in self._lines:
                hang_up(line)

    def heal(self) -> None:
        self.refuses = False
        self.flows.set()

    def close(self) -> None:
        self._door.close()
        self.heal()
        self.refuse()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._door.accept()
                if self.refuses or not (server := self._reach()):
                    client.close()
                    continue
                with self._lock:
                    self._lines |= {client, server}
                for pair in ((client, server), (server, client)):
                    Thread(target=self._pump, args=pair, daemon=True).start()

    def _reach(self) -> socket.socket | None:
        try:
            if isinstance(self.target, str):
                server = socket.socket(socket.AF_UNIX)
                server.connect(self.target)
                return server
            return socket.create_connection(self.target, 5)
        except OSError:
            return None

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while said := source.recv(65_536):
                self.flows.wait()
                sink.sendall(said)
        for line in (source, sink):
            hang_up(line)
        with self._lock:
            self._lines -= {source, sink}


def hang_up(line: socket.socket) -> None:
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)
    line.close()
