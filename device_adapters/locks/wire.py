"""How a lock gateway is spoken to: docs/lock-gateway.md, one request at a time."""

import re
from collections.abc import Callable, Mapping
from time import monotonic, sleep
from typing import Any, Final

import httpx

from device_adapters.guarded import Guarded, in_words, said_in
from device_adapters.port import Garbled, Locked, Offline, Rejected, Unsupported
from domain.devices import Login

SECONDS: Final = 5.0
MOST_BYTES: Final = 8_000_000
REFUSALS: Final = (400, 409, 422)
Said = Mapping[str, Any]


class Wire:
    """`pause`: seconds to leave the gateway alone after each request. `may` is asked before each,
    and raises where the lock is not ours to speak to; a request ends within SECONDS of it.
    """

    def __init__(
        self,
        address: str,
        login: Login | None,
        serial: str,
        pause: float,
        may: Callable[[], None] = lambda: None,
    ) -> None:
        self._transport, self._pause, self._free_at = Guarded(), pause, 0.0
        self._may = may
        password = login.password if login and isinstance(login.password, str) else ""
        self._client = httpx.Client(
            base_url=f"{address}/v1/locks/{serial}",
            transport=self._transport,
            auth=httpx.BasicAuth(login.user, password) if login else None,
            headers={"Accept-Encoding": "identity"},
            follow_redirects=False,
            trust_env=False,
        )

    def get(self, what: str = "", **query: str) -> Said:
        return self._exchange("GET", what, params=query)

    def put(self, what: str, said: Said) -> None:
        self._exchange("PUT", what, json=said)

    def post(self, what: str, said: Said) -> None:
        self._exchange("POST", what, json=said)

    def close(self) -> None:
        self._client.close()

    def _exchange(self, method: str, what: str, **content: Any) -> Said:
        sleep(max(0.0, self._free_at - monotonic()))
        self._may()
        self._transport.budget.grant(SECONDS, MOST_BYTES)
        try:
            with in_words(SECONDS):
                return understood(self._client.request(method, what, **content))
        finally:
            self._free_at = monotonic() + self._pause


def understood(answer: httpx.Response) -> Said:
    status = answer.status_code
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        raise Locked(f"HTTP {status}")
    if status in (httpx.codes.NOT_FOUND, httpx.codes.METHOD_NOT_ALLOWED):
        raise Unsupported(f"HTTP {status}")
    if status in REFUSALS:
        raise Rejected(reason_in(answer))
    if answer.is_redirect:
        raise Garbled(f"HTTP {status}: redirects are not followed")
    if not answer.is_success:
        raise Offline(f"HTTP {status}")
    if status == httpx.codes.NO_CONTENT:
        return {}
    said = said_in(answer)
    if not isinstance(said, dict):
        raise Garbled("no object")
    return said


def reason_in(answer: httpx.Response) -> str:
    """Words only: a reason may quote a code."""
    said = said_in(answer)
    words = re.findall("[A-Za-z]+", str(said.get("reason", "")) if isinstance(said, dict) else "")
    return " ".join(words)[:60] or "no reason given"
