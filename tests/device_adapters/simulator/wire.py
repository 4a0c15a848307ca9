"""What is asked of a phone over a real socket."""

import ssl
import time
from collections.abc import Callable
from typing import Any

import httpx

from device_adapters.simulator.fleet import Access, PluggedIn

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # reading certificates takes 20 ms a client
DIGEST = Access(mode="digest", user="gate", password="a-secret")


def client(phone: PluggedIn, **options: Any) -> httpx.Client:
    options.setdefault("timeout", 2)
    return httpx.Client(base_url=phone.url, trust_env=False, verify=NO_TLS, **options)


def get(phone: PluggedIn, path: str = "/api/system/info", **options: Any) -> httpx.Response:
    with client(phone, **options) as http:
        return http.get(path)


def add(phone: PluggedIn, *items: dict[str, str], **options: Any) -> Any:
    body = {"target": "user", "action": "add", "data": {"item": items}}
    with client(phone, **options) as http:
        return http.post("/api", json=body).json()


def user_ids(phone: PluggedIn) -> list[str]:
    rows = get(phone, "/api/user/get").json()["data"]["item"]
    return [row["UserID"] for row in rows]


def eventually(true: Callable[[], object], seconds: float = 2) -> bool:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.005)
    return bool(true())
