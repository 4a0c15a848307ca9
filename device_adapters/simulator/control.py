"""/sim: the hand that a simulated phone has and a real one has not (S20, S23)."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from device_adapters.simulator.credentials import SHOWN, Outcome
from device_adapters.simulator.doorway import SENSED
from device_adapters.simulator.faults import UnknownFault
from device_adapters.simulator.messages import Reply, Request, as_json
from device_adapters.simulator.phone import Phone

Body = Mapping[str, Any]


def answer(phone: Phone, request: Request) -> Reply:
    """JSON in, JSON out; 404 for an unknown path, 400 with `error` for what makes no sense."""
    try:
        if (request.method, request.path) == ("GET", "/sim/state"):
            return as_json(phone.state())
        act = ROUTES.get(request.path)
        if request.method != "POST" or act is None:
            return as_json({"error": f"no such path; POST {', '.join(ROUTES)}"}, 404)
        body = json.loads(request.body or b"{}")
        return as_json(act(phone, body))
    except KeyError as missing:
        return as_json({"error": f"{missing.args[0]} is missing or unknown"}, 400)
    except (UnknownFault, ValueError, TypeError, AttributeError) as wrong:
        return as_json({"error": str(wrong)}, 400)


def present(phone: Phone, kind: str, code: str) -> Body:
    if kind not in SHOWN:
        raise UnknownFault(f"kind is one of {', '.join(SHOWN)}")
    return told(phone.present(kind, str(code)))


def told(outcome: Outcome) -> Body:
    return {"opened": outcome.opened, "relays": outcome.letters, "reason": outcome.reason}


def fault(phone: Phone, name: str, given: Body) -> Body:
    """A standing fault, or an act that is over at once."""
    act = ACTS.get(name)
    if act is None:
        phone.faults.set(name, given)
    else:
        act(phone, given)
    return {"faults": phone.faults.on}


def clear(phone: Phone) -> Body:
    phone.faults.clear()
    return {"faults": phone.faults.on}


def reboot(phone: Phone, given: Body) -> None:
    phone.boot_seconds = float(given.get("seconds", phone.boot_seconds))
    phone.reboot()


def sense(phone: Phone, given: Body) -> Body:
    what = given["what"]
    if what == "input":
        return told(phone.press_input(int(given.get("number", 1))))
    if what == "contact":
        closed = bool(given.get("closed", True))
        return {"told": phone.wire(int(given.get("number", 1)), closed=closed)}
    if what not in SENSED:
        raise UnknownFault(f"what is one of input, contact, {', '.join(SENSED)}")
    return {"told": phone.sense(what, int(given.get("relay", 1)))}


def door(phone: Phone, given: Body) -> Body:
    return {"alarm": phone.door(int(given.get("relay", 1)), opens=bool(given["open"]))}


def call(phone: Phone, given: Body) -> Body:
    phone.call(given["kind"], given.get("name", ""), given.get("number", ""))
    return {}


ACTS: Mapping[str, Callable[[Phone, Body], None]] = {
    "factory_reset": lambda phone, given: phone.factory_reset(),
    "local_edit": lambda phone, given: phone.local_edit(
        given["op"], given.get("user_id", ""), given.get("row")
    ),
    "backup": lambda phone, given: phone.keep_backup(),
    "restore_backup": lambda phone, given: phone.restore_backup(),
    "lose_log": lambda phone, given: phone.doors.lose(int(given["rows"])),
    "reboot": reboot,
}

ROUTES: Mapping[str, Callable[[Phone, Body], Body]] = {
    "/sim/punch": lambda phone, given: present(phone, "pin", given["code"]),
    "/sim/swipe": lambda phone, given: present(phone, "card", given["card"]),
    "/sim/present": lambda phone, given: present(phone, given["kind"], given["code"]),
    "/sim/fault": lambda phone, given: fault(
        phone, given["name"], {k: v for k, v in given.items() if k != "name"}
    ),
    "/sim/clear-faults": lambda phone, given: clear(phone),
    "/sim/sense": sense,
    "/sim/door": door,
    "/sim/call": call,
}
