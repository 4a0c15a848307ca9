"""The simulated lock gateway on a loopback port."""

import json
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from device_adapters.locks.gateway import Answer, Gateway

HOST, CONTROL = "127.0.0.1", "/sim/"


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, gateway: Gateway, port: int) -> None:
        self.gateway, self.turn = gateway, Lock()
        super().__init__((HOST, port), Call)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.server_address[1]}"


class Call(BaseHTTPRequestHandler):
    """Small answers on kept connections would wait for Nagle's algorithm, 44 ms each [M]."""

    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        text = self.rfile.read(length)
        place = urlsplit(self.path)
        with self.server.turn:
            status, said = self._ask(place.path.rstrip("/"), dict(parse_qsl(place.query)), text)
        body = json.dumps(said).encode() if status != 204 else b""
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _ask(self, path: str, query: dict[str, str], text: bytes) -> Answer:
        gateway = self.server.gateway
        try:
            said = json.loads(text) if text else None
        except ValueError:
            return 400, {"reason": "no JSON"}
        if path.startswith(CONTROL):
            return gateway.control(path.removeprefix(CONTROL), said)
        login = login_of(self.headers.get("Authorization", ""))
        return gateway.answer(self.command, path, query, said, login)

    do_GET = do_PUT = do_POST = answer  # noqa: N815 - so http.server wants them called

    def log_message(self, *_: Any) -> None:
        """Nothing: a path may name a lock."""


def login_of(header: str) -> tuple[str, str] | None:
    kind, _, packed = header.partition(" ")
    if kind != "Basic":
        return None
    user, _, password = b64decode(packed).decode().partition(":")
    return user, password


@contextmanager
def served(gateway: Gateway, port: int = 0) -> Iterator[Server]:
    """While it lasts the gateway answers at `url`; 0: at any free port."""
    server = Server(gateway, port)
    thread = Thread(target=server.serve_forever, args=(0.05,), name="lock gateway", daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
