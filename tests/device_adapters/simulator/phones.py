"""Phones and what is asked of them, without a wire. A test spells what matters."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from device_adapters.simulator import api
from device_adapters.simulator.messages import Reply, Request
from device_adapters.simulator.phone import Phone
from device_adapters.simulator.profiles import PROFILES

MONDAY_NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class Clock:
    """Stands still until it is moved."""

    def __init__(self, now: datetime = MONDAY_NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **delta: float) -> None:
        self.now += timedelta(**delta)


def a_phone(model: str = "X916", clock: Clock | None = None, zone: str = "UTC") -> Phone:
    return Phone(PROFILES[model], clock=clock or Clock(), zone=zone)


def a_user(user_id: str = "u1", **fields: str) -> dict[str, str]:
    return {"UserID": user_id, "Name": "Ann", "ScheduleRelay": "1001-1"} | fields


def get(phone: Phone, target: str) -> Any:
    """The whole envelope of GET /api/…"""
    return sent(phone, Request(method="GET", target=f"/api/{target}"))


def post(phone: Phone, target: str, action: str, *items: Mapping[str, Any]) -> Any:
    """The whole envelope, in the dialect that every model speaks."""
    return tell(phone, target, action, {"item": list(items)})


def tell(phone: Phone, target: str, action: str, data: Mapping[str, Any]) -> Any:
    return body(phone, "/api", {"target": target, "action": action, "data": data})


def body(phone: Phone, path: str, value: object) -> Any:
    return sent(phone, Request(method="POST", target=path, body=json.dumps(value).encode()))


def sent(phone: Phone, request: Request) -> Any:
    call = api.understood(phone, request)
    reply = call if isinstance(call, Reply) else api.answer(phone, call)
    assert reply.status == 200
    return json.loads(reply.body)


def users(phone: Phone) -> list[dict[str, str]]:
    data = get(phone, "user/get")["data"]
    rows: list[dict[str, str]] = data[phone.profile.item_key]
    return rows


def with_users(phone: Phone, *given: Mapping[str, str]) -> Phone:
    """Past the API, under the model's own field name."""
    for one in given:
        phone.users.force(one)
    return phone
