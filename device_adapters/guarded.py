"""HTTP to a peer that is not trusted: bounded time, bounded bytes, nothing unpacked (D2, D9)."""

import json
import socket
import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from time import monotonic
from typing import Any, Never

import httpcore
import httpx

from device_adapters.port import Failure, Garbled, Offline

NODELAY = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)


class Budget:
    """What one exchange may cost. httpx's own limits start anew with every byte that drips in."""

    def __init__(self) -> None:
        self.until, self.most = 0.0, 0

    def grant(self, seconds: float, most: int) -> None:
        self.until, self.most = monotonic() + seconds, most

    def left(self, error: type[Exception]) -> float:
        left = self.until - monotonic()
        if left <= 0:
            raise error
        return left


class Timed(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, budget: Budget) -> None:
        self._stream, self._budget = stream, budget

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._budget.left(httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._budget.left(httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = self._budget.left(httpcore.ConnectTimeout)
        return Timed(self._stream.start_tls(ssl_context, server_hostname, left), self._budget)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class TimedBackend(httpcore.SyncBackend):
    def __init__(self, budget: Budget) -> None:
        self._budget = budget

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        left = self._budget.left(httpcore.ConnectTimeout)
        stream = super().connect_tcp(host, port, left, local_address, socket_options)
        return Timed(stream, self._budget)


class Body(httpx.SyncByteStream):
    def __init__(self, parts: Any, budget: Budget) -> None:
        self._parts, self._budget = parts, budget

    def __iter__(self) -> Iterator[bytes]:
        seen = 0
        for part in self._parts:
            seen += len(part)
            if seen > self._budget.most:
                raise Garbled(f"more than {self._budget.most} bytes")
            yield part

    def close(self) -> None:
        self._parts.close()


class Guarded(httpx.BaseTransport):
    """One connection, kept open. `budget` must be granted before each exchange."""

    def __init__(self) -> None:
        self.budget = Budget()
        self._pool = httpcore.ConnectionPool(
            ssl_context=lenient(),
            max_connections=1,
            network_backend=TimedBackend(self.budget),
            socket_options=NODELAY,
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        answer = self._pool.handle_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(
                    scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                ),
                headers=request.headers.raw,
                content=request.stream,
            )
        )
        # Packed bodies are left packed: a megabyte may unpack to a thousand.
        headers = [(k, v) for k, v in answer.headers if k.lower() != b"content-encoding"]
        return httpx.Response(
            answer.status, headers=headers, stream=Body(answer.stream, self.budget)
        )

    def close(self) -> None:
        self._pool.close()


@cache
def lenient() -> ssl.SSLContext:
    """Phones sign their own certificates, and some know only 1024 bits of DH [PL][PY]."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    return context


@contextmanager
def in_words(seconds: float) -> Iterator[None]:
    """What goes wrong in an exchange of so many seconds, as Failures."""
    try:
        yield
    except Failure:
        raise
    except httpcore.TimeoutException:
        raise Offline(f"no answer within {seconds:g} s") from None
    except httpcore.ConnectError:
        raise Offline("nothing answers at its address") from None
    except (httpcore.NetworkError, httpcore.ProtocolError, OSError):
        raise Offline("it broke the connection off") from None
    except Exception as failure:  # whatever a hostile answer breaks, it breaks here (D9)
        raise Garbled(type(failure).__name__) from None


def said_in(answer: httpx.Response) -> Any:
    """Its JSON, whatever its content type says [PL]."""
    try:
        return json.loads(answer.content, parse_constant=not_a_number)
    except (ValueError, RecursionError):
        raise Garbled("no JSON") from None


def not_a_number(constant: str) -> Never:
    raise ValueError(constant)
