"""What a phone answers: three dialects in, one envelope out (S1, S2, S5)."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from device_adapters.simulator import config as keys
from device_adapters.simulator import uploads
from device_adapters.simulator.messages import Reply, Request
from device_adapters.simulator.phone import Phone
from device_adapters.simulator.tables import ERROR_PARAM, PAGE, Rejected, Row, Shown

UNKNOWN_ACTION = "unsupport action"
UNKNOWN_TARGET = "No hanlders for this request"  # the device's own typo [PLs]
TABLES, JOURNALS = ("user", "schedule", "group", "contact"), ("doorlog", "calllog")
# Parts of the settings with a target of their own [SY].
PARTS = {
    "relay": ("Config.DoorSetting.RELAY.", "Config.DoorSetting.DTMF."),
    "input": ("Config.DoorSetting.INPUT.",),
    "sip": ("Config.Account",),
}


class Unsupported(Exception):
    """No such target or action; the text is the message."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """What is asked, in whichever dialect. `data` is what the body says."""

    target: str
    action: str
    data: Mapping[str, Any] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)

    @property
    def items(self) -> Sequence[Mapping[str, Any]]:
        """Those of a batch. Rejected if they are none."""
        items = self.data.get("item", [])
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise Rejected(ERROR_PARAM)
        return items

    @property
    def size(self) -> int:
        items = self.data.get("item")
        return len(items) if isinstance(items, list) else 0


def read(request: Request, needs_target: bool) -> Call:
    """The body says what is asked; where it does not, the path does (S1)."""
    _, _, rest = request.path.strip("/").partition("/")
    target, _, action = rest.partition("/")
    if request.method == "GET":
        return Call(target=target, action=action or "get", query=request.query)
    if target == "filetool":
        return Call(target=target, action=action, data=uploads.read(request), query=request.query)
    body = json_object(request.body)
    if needs_target and "target" not in body:
        raise Unsupported(UNKNOWN_ACTION)
    if body and not body.keys() & {"target", "action", "data"}:
        raise Unsupported(UNKNOWN_ACTION)  # a bare dict [PLs]
    return Call(
        target=str(body.get("target", target)),
        action=str(body.get("action", action)),
        data=body.get("data") or {},
        query=request.query,
    )


def understood(phone: Phone, request: Request) -> Call | Reply:
    """The call, or the answer to what is none."""
    try:
        return read(request, phone.profile.needs_target)
    except (Unsupported, Rejected) as no:
        return refused(phone, "unknow", str(no))


def json_object(body: bytes) -> dict[str, Any]:
    """Whatever its Content-Type says."""
    try:
        value = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise Rejected(ERROR_PARAM) from None
    if not isinstance(value, dict) or not isinstance(value.get("data") or {}, dict):
        raise Rejected(ERROR_PARAM)
    return value


def answer(phone: Phone, call: Call) -> Reply:
    """Always HTTP 200; what went wrong stands in the envelope."""
    phone.answered[f"{call.target}/{call.action}"] += 1
    try:
        data = handler(phone, call)(phone, call)
    except Unsupported as no:
        return refused(phone, "unknow", str(no))
    except Rejected as no:
        return refused(phone, call.action, str(no))
    if data is None:
        return done(phone, call.action)
    return envelope(phone, 0, call.action, "OK", data=data)


def handler(phone: Phone, call: Call) -> Callable[[Phone, Call], Any]:
    name = f"{call.target}/{call.action}"
    if name in phone.profile.unsupported:
        raise Unsupported(UNKNOWN_ACTION)
    if found := HANDLERS.get(name):
        return found
    known = any(one.startswith(f"{call.target}/") for one in HANDLERS)
    raise Unsupported(UNKNOWN_ACTION if known else UNKNOWN_TARGET)


def envelope(phone: Phone, retcode: int, action: str, message: str, **data: Any) -> Reply:
    body = {"retcode": retcode, "action": action, "message": message, **data}
    kind = phone.profile.content_type
    return Reply(body=json.dumps(body).encode(), content_type=kind)


def refused(phone: Phone, action: str, message: str) -> Reply:
    return envelope(phone, -1, action, message)


def done(phone: Phone, action: str) -> Reply:
    """A write succeeded: 0 or a positive code, and data absent, null or empty, by model (S2)."""
    shapes: dict[str, dict[str, Any]] = {
        "absent": {},
        "null": {"data": None},
        "empty": {"data": {}},
    }
    shape = shapes[phone.profile.mutation_data]
    return envelope(phone, phone.profile.success, action, "OK", **shape)


# Lists


def listed(
    phone: Phone, call: Call, rows: Sequence[Row], shown: Callable[[Row], Shown]
) -> dict[str, Any]:
    """Ten a page, the empty list past the end, all of them without a page (S5)."""
    current, some = 1, rows
    if page := call.query.get("page"):
        current = number({"page": page}, "page")
        some = rows[(current - 1) * PAGE : current * PAGE] if current > 0 else []
    elif "offset" in call.data:  # [OM]
        start, many = number(call.data, "offset"), number(call.data, "num", len(rows))
        some = rows[start : start + many]
    item = [shown(row) for row in some]
    return {"num": len(rows), "curPageNum": current, phone.profile.item_key: item}


def get_rows(phone: Phone, call: Call) -> dict[str, Any]:
    table, rows = phone.tables[call.target], phone.rows(call.target)
    if words := call.query.get("NameOrCode"):
        rows = table.found(words, rows)
    return listed(phone, call, rows, table.shown)


def get_journal(phone: Phone, call: Call) -> dict[str, Any]:
    return listed(phone, call, phone.journals[call.target].found(call.query), dict)


def write_rows(phone: Phone, call: Call) -> None:
    if not call.items:
        raise Rejected(ERROR_PARAM)
    phone.write(call.target, call.action, call.items)


def clear_rows(phone: Phone, call: Call) -> None:
    phone.clear(call.target)


# Settings


def get_config(phone: Phone, call: Call) -> dict[str, str]:
    keys_wanted = call.data.get("item")
    if keys_wanted is None:
        return phone.config.shown()
    if not isinstance(keys_wanted, list):
        raise Rejected(ERROR_PARAM)
    return phone.config.shown(map(str, keys_wanted))


def get_part(phone: Phone, call: Call) -> dict[str, str]:
    return {k: v for k, v in phone.config.shown().items() if k.startswith(PARTS[call.target])}


def set_config(phone: Phone, call: Call) -> None:
    if phone.faults.strikes("accept_and_drop"):
        return
    phone.config.change(call.data)
    phone.version += 1


# The phone itself


def info(phone: Phone, call: Call) -> dict[str, Any]:
    status = {
        "Model": phone.profile.model,
        "MAC": phone.shown_mac(),
        "FirmwareVersion": phone.profile.firmware,
        "HardwareVersion": phone.profile.hardware,
        "Uptime": str(phone.uptime()),
        "WebLang": "0",
    }
    lan = {
        "IPAddress": "127.0.0.1",
        "SubnetMask": "255.0.0.0",
        "Gateway": "127.0.0.1",
        "LinkStatus": "Connected",
    }
    return {"Status": status, "Lan": lan, "Account1": {"Status": "2"}}


def status(phone: Phone, call: Call) -> dict[str, Any]:
    return {"SystemTime": int(phone.now().timestamp()), "UpTime": phone.uptime()}


def reboot(phone: Phone, call: Call) -> None:
    phone.reboot()


def factory_reset(phone: Phone, call: Call) -> None:
    phone.factory_reset()


def trigger(phone: Phone, call: Call) -> None:
    names = ("mode", "level", "delay")
    options = {name: number(call.data, name, 0) for name in names}
    phone.trigger(number(call.data, "num"), **options)


def import_file(phone: Phone, call: Call) -> dict[str, str]:
    if call.query.get("destFile") != uploads.FACES or not phone.profile.faces:
        raise Unsupported(UNKNOWN_ACTION)
    return {"path": uploads.keep(phone, call.data["name"], call.data["content"])}


def relay_status(phone: Phone, call: Call) -> dict[str, int]:
    letters = enumerate(keys.LETTERS[: phone.relays.count], 1)
    return {f"Relay{letter}": int(phone.is_open(n)) for n, letter in letters}


def input_status(phone: Phone, call: Call) -> dict[str, int]:
    """[G], after relay/status."""
    letters = enumerate(keys.LETTERS[: phone.profile.inputs], 1)
    return {f"Input{letter}": int(n in phone.closed_inputs) for n, letter in letters}


def number(data: Mapping[str, Any], name: str, default: int | None = None) -> int:
    """A number, also as a string of digits."""
    value = data.get(name, default)
    if isinstance(value, bool) or not re.fullmatch(r"-?\d{1,9}", str(value)):
        raise Rejected(ERROR_PARAM)
    return int(value)


HANDLERS: Mapping[str, Callable[[Phone, Call], Any]] = {
    **{f"{table}/get": get_rows for table in TABLES},
    **{f"{table}/{action}": write_rows for table in TABLES for action in ("add", "set", "del")},
    **{f"{table}/clear": clear_rows for table in TABLES},
    **{f"{journal}/get": get_journal for journal in JOURNALS},
    **{f"{part}/get": get_part for part in PARTS},
    **{f"{part}/set": set_config for part in (*PARTS, "config")},
    "config/get": get_config,
    "config/reset_factory": factory_reset,
    "filetool/import": import_file,
    "relay/trig": trigger,
    "relay/status": relay_status,
    "input/status": input_status,
    "system/info": info,
    "system/status": status,
    "system/reboot": reboot,
}
