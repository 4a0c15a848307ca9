"""How an Akuvox phone is spoken to: one request at a time, answers in envelopes.

Facts and their sources: device-protocol.md 1.1.
"""

import re
from collections.abc import Callable, Generator, Mapping
from time import monotonic, sleep
from typing import Any

import httpx

from device_adapters.guarded import Guarded, in_words, said_in
from device_adapters.port import Garbled, Locked, Offline, Rejected, Unsupported
from domain.devices import Login

SECONDS, MOST_BYTES = 5.0, 1_000_000
NOT_THERE = re.compile(
    "api unsupported|unsupported action|unsupport action|no han(dl|ld)ers for this request",
    re.IGNORECASE,
)
Data = Mapping[str, Any]


class Challenged(httpx.Auth):
    """Digest where the phone asks for it, else Basic. Once it was digest it is never less, so
    that nobody in the phone's place can ask for the password in clear.
    """

    def __init__(self, login: Login) -> None:
        user = login.user
        password = login.password if isinstance(login.password, str) else ""
        self._basic, self._digest = (
            httpx.BasicAuth(user, password),
            httpx.DigestAuth(user, password),
        )
        self._chosen: httpx.Auth | None = None

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if self._chosen is None:
            answer = yield request
            if answer.status_code != httpx.codes.UNAUTHORIZED:
                return
            self._chosen = self._choose(answer)
        if self._chosen:
            yield from self._chosen.auth_flow(request)

    def _choose(self, answer: httpx.Response) -> httpx.Auth | None:
        asked = " ".join(answer.headers.get_list("www-authenticate")).lower()
        if "digest" in asked:
            return self._digest
        return self._basic if "basic" in asked else None


class Wire:
    """`pause`: seconds to leave a phone alone after each request [PL]. `may` is asked before each,
    and raises where the phone is not ours to speak to; a request ends within SECONDS of it.
    """

    def __init__(
        self,
        address: str,
        login: Login | None,
        pause: float,
        may: Callable[[], None] = lambda: None,
    ) -> None:
        self._transport, self._pause, self._free_at = Guarded(), pause, 0.0
        self._may = may
        self._client = httpx.Client(
            base_url=address,
            transport=self._transport,
            auth=Challenged(login) if login else None,
            headers={"Accept-Encoding": "identity"},
            follow_redirects=False,
            trust_env=False,
        )

    def get(
        self, target: str, action: str = "get", most: int = MOST_BYTES, /, **query: str
    ) -> Data:
        """A read: only retcode 0 is an answer."""
        envelope = self._exchange("GET", f"/api/{target}/{action}", most, params=query)
        return checked(envelope, lambda code: code == 0)

    def ask(self, target: str, action: str, data: Data) -> Data:
        """A read whose question stands in a body."""
        return checked(self._send(target, action, data), lambda code: code == 0)

    def post(self, target: str, action: str, data: Data | None = None) -> None:
        """A write: 0 and positive codes are success [PL]. E18 wants the target in the body."""
        checked(self._send(target, action, data), lambda code: code >= 0)

    def upload(self, target: str, name: str, picture: bytes, **query: str) -> None:
        """A file, as the phone's own web page sends it [SY][UL]."""
        file = {"file": (name, picture, "image/jpeg")}
        path = f"/api/{target}/import"
        checked(
            self._exchange("POST", path, MOST_BYTES, params=query, files=file),
            lambda code: code >= 0,
        )

    def close(self) -> None:
        self._client.close()

    def _send(self, target: str, action: str, data: Data | None) -> Data:
        body = {"target": target, "action": action} | ({} if data is None else {"data": data})
        return self._exchange("POST", f"/api/{target}/set", MOST_BYTES, json=body)

    def _exchange(self, method: str, path: str, most: int, **content: Any) -> Data:
        sleep(max(0.0, self._free_at - monotonic()))
        self._may()
        self._transport.budget.grant(SECONDS, most)
        try:
            with in_words(SECONDS):
                answer = self._client.request(method, path, **content)
        finally:
            self._free_at = monotonic() + self._pause
        return envelope(answer)


def envelope(answer: httpx.Response) -> Data:
    """Whatever its content type says [PL]."""
    if answer.status_code in (401, 403):
        raise Locked(f"HTTP {answer.status_code}")
    if answer.is_redirect:
        raise Garbled(f"HTTP {answer.status_code}: redirects are not followed")
    if answer.status_code == httpx.codes.NOT_FOUND:
        raise Unsupported("HTTP 404")
    if answer.status_code != httpx.codes.OK:
        raise Offline(f"HTTP {answer.status_code}")
    said = said_in(answer)
    if not isinstance(said, dict) or type(said.get("retcode")) is not int:
        raise Garbled("no envelope")
    return said


def checked(said: Data, succeeds: Callable[[int], bool]) -> Data:
    """The data of an envelope; the message of a refusal without digits, for it may quote a code."""
    message = " ".join(re.findall("[A-Za-z]+", str(said.get("message", ""))))[:60]
    if NOT_THERE.search(message):
        raise Unsupported(message)
    if not succeeds(said["retcode"]):
        raise Rejected(message or "no reason given")
    data = said.get("data") or {}
    if not isinstance(data, dict):
        raise Garbled("data is no object")
    return data
