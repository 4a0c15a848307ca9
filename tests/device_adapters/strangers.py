"""What may answer at a phone's address and is none: servers that say what they like."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread


@contextmanager
def answering(serve: Callable[[socket.socket, Event], None]) -> Iterator[str]:
    """Every connection is served by itself; the address, as http://…"""
    over = Event()
    with socket.create_server(("127.0.0.1", 0)) as door:
        door.settimeout(0.05)

        def listen() -> None:
            while not over.is_set():
                with suppress(OSError):
                    taken, _ = door.accept()
                    with taken, suppress(OSError):
                        serve(taken, over)

        thread = Thread(target=listen, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{door.getsockname()[1]}"
        finally:
            over.set()
            thread.join()


@contextmanager
def speaking(answer: object) -> Iterator[str]:
    """The same JSON to every request."""
    body = json.dumps(answer).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"

    def serve(taken: socket.socket, over: Event) -> None:
        taken.recv(65_536)
        taken.sendall(head.encode() + body)

    with answering(serve) as address:
        yield address


@contextmanager
def dripping() -> Iterator[str]:
    """A byte of the headers now and then, without end."""

    def serve(taken: socket.socket, over: Event) -> None:
        taken.recv(65_536)
        taken.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        while not over.wait(0.02):
            taken.sendall(b"x")

    with answering(serve) as address:
        yield address
