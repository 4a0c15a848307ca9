"""The old way to open a door from a browser: /fcgi/do, with credentials of its own (S22)."""

from hmac import compare_digest

from device_adapters.simulator import config as keys
from device_adapters.simulator.messages import Reply, Request
from device_adapters.simulator.phone import Phone
from device_adapters.simulator.tables import Rejected

OK, BAD_CREDENTIALS, FAILED = "0", "-1", "1"


def answer(phone: Phone, request: Request) -> Reply:
    """Always HTTP 200 and HTML; the hidden input tells how it went, where the model has one."""
    if phone.profile.open_door == "new-interface":
        return page("please use new interface")
    result = outcome(phone, request.query)
    if phone.profile.open_door == "bare":
        return page("OK" if result == OK else "Failed")
    return page(f"<input type='hidden' id='hcSingleResult' value='{result}'>")


def outcome(phone: Phone, query: dict[str, str]) -> str:
    if query.get("action") != "OpenDoor":
        return FAILED
    if not allowed(phone, query):
        return BAD_CREDENTIALS
    door = query.get("DoorNum", "")
    try:
        phone.trigger(int(door) if door.isdecimal() else 0)
    except Rejected:
        return FAILED
    return OK


def allowed(phone: Phone, query: dict[str, str]) -> bool:
    """Off until somebody sets a user and a password."""
    user = phone.config[f"{keys.HTTP_RELAY}UserName"]
    password = phone.config[f"{keys.HTTP_RELAY}Password"]
    enabled = phone.config[f"{keys.HTTP_RELAY}Enable"] == "1" and bool(user and password)
    given = [query.get("UserName", "").encode(), query.get("Password", "").encode()]
    wanted = [user.encode(), password.encode()]
    return enabled and all(map(compare_digest, given, wanted))


def page(body: str) -> Reply:
    html = f"<html><body>{body}</body></html>"
    return Reply(body=html.encode(), content_type="text/html")
