"""A closed loop of keep-alive clients over raw sockets, in one thread.

Each client asks, waits for the whole answer, checks it and asks again. `python -m bench.load` says
how fast it can ask a server that does nothing: no figure near that one is the server's.
"""

import os
import re
import selectors
import signal
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import repeat
from math import ceil, inf
from time import perf_counter, process_time
from typing import NamedTuple

from bench.machine import Meter, Usage

STUCK = 30  # seconds without any answer
LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
BARE = (204, 304)


class Answer(NamedTuple):
    status: int
    head: bytes
    body: bytes


class Wrong(Exception):
    """An answer that was not the one expected: the figure would be of something else."""


@dataclass(frozen=True)
class Load:
    """Latencies in seconds, sorted; `client` is what the generator itself took, CPU seconds."""

    seconds: float
    latencies: Sequence[float]
    client: float
    usage: Usage

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds

    def at(self, share: float) -> float:
        return percentile(self.latencies, share)


def percentile(ordered: Sequence[float], share: float) -> float:
    """The nearest rank: a sample that was taken, not one between two."""
    return ordered[max(0, ceil(share * len(ordered)) - 1)]


def request(
    method: str, path: str, body: bytes = b"", /, mime: str = "application/json", **headers: str
) -> bytes:
    said = {"Host": "127.0.0.1", **{name.replace("_", "-"): v for name, v in headers.items()}}
    if body:
        said |= {"Content-Type": mime, "Content-Length": str(len(body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in said.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body


class Client:
    """One connection; `asks` are its requests, in order."""

    def __init__(self, port: int, asks: Iterable[bytes]) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=STUCK)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.asked = 0.0
        self._asks, self._got = iter(asks), b""

    def ask(self) -> bool:
        """False if there is nothing more to ask."""
        if (next_one := next(self._asks, None)) is None:
            return False
        self.asked = perf_counter()
        self.socket.sendall(next_one)
        return True

    def hear(self) -> Answer | None:
        """None while a part is still missing."""
        if not (got := self.socket.recv(1 << 18)):
            raise Wrong("the server hung up")
        self._got += got
        head, blank, body = self._got.partition(b"\r\n\r\n")
        if not blank:
            return None
        status, length = int(head[9:12]), LENGTH.search(head)
        if status not in BARE and length is None:
            raise Wrong(f"an answer {status} without a length")
        if length and status not in BARE and len(body) < int(length[1]):
            return None
        self._got = b""
        return Answer(status, head, body)


def ask(port: int, one: bytes) -> tuple[Answer, float, float]:
    """One request on a connection of its own; when it was asked, and when the answer was there."""
    client = Client(port, [one])
    try:
        client.ask()
        while (answer := client.hear()) is None:
            pass
        return answer, client.asked, perf_counter()
    finally:
        client.socket.close()


def expect(status: int) -> Callable[[Answer], None]:
    def check(answer: Answer) -> None:
        if answer.status != status:
            raise Wrong(f"{answer.status} instead of {status}: {answer.body[:200]!r}")

    return check


def drive(
    port: int,
    clients: Sequence[Iterable[bytes]],
    *,
    seconds: float = inf,
    check: Callable[[Answer], None],
) -> Load:
    """Until the time is over or all is asked. Wrong, if an answer is."""
    lines = [Client(port, asks) for asks in clients]
    meter, cpu, begun = Meter(), process_time(), perf_counter()
    try:
        latencies = list(loop(lines, begun + seconds, check))
    finally:
        for line in lines:
            line.socket.close()
    taken, client = perf_counter() - begun, process_time() - cpu
    return Load(taken, sorted(latencies), client, meter.usage())


def loop(lines: Sequence[Client], until: float, check: Callable[[Answer], None]) -> Iterator[float]:
    with selectors.DefaultSelector() as selector:
        for line in lines:
            if line.ask():
                selector.register(line.socket, selectors.EVENT_READ, line)
        while selector.get_map():
            if not (ready := selector.select(STUCK)):
                raise Wrong(f"no answer in {STUCK} s")
            for key, _ in ready:
                if (answer := key.data.hear()) is None:
                    continue
                now = perf_counter()
                yield now - key.data.asked
                check(answer)
                if now >= until or not key.data.ask():
                    selector.unregister(key.data.socket)


def ceiling(clients: int = 16, body: int = 100, seconds: float = 0.5) -> Load:
    """Against a server that only answers."""
    with parrot(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % body + b"x" * body) as port:
        asks = [repeat(request("GET", "/", Authorization="Bearer " + "x" * 43))] * clients
        return drive(port, asks, seconds=seconds, check=expect(200))


@contextmanager
def parrot(answer: bytes) -> Iterator[int]:
    """The port of a child that says this to whatever comes."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        port = int(listening.getsockname()[1])
        if not (child := os.fork()):
            try:
                squawk(listening, answer)
            finally:
                os._exit(1)
    try:
        yield port
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def squawk(listening: socket.socket, answer: bytes) -> None:
    selector = selectors.DefaultSelector()
    selector.register(listening, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            heard = key.fileobj
            assert isinstance(heard, socket.socket)
            if heard is listening:
                selector.register(heard.accept()[0], selectors.EVENT_READ)
            elif heard.recv(1 << 16):
                heard.sendall(answer)
            else:
                selector.unregister(heard)
                heard.close()


if __name__ == "__main__":
    for size in (100, 25_000):
        for count in (1, 16):
            found = ceiling(count, size, 2)
            each = found.client / len(found.latencies) * 1e6
            print(f"{count:>2} clients, {size:>6} bytes: {found.rate:,.0f}/s, {each:.0f} µs each")
