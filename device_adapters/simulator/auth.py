"""Who may ask a phone: nobody in particular, an address, a password, a digest (S4)."""

import base64
import binascii
from hashlib import md5, sha256
from hmac import compare_digest
from urllib.request import parse_http_list, parse_keqv_list

from device_adapters.simulator import config as keys
from device_adapters.simulator.config import Config
from device_adapters.simulator.messages import Reply, Request

REALM = "HTTPAPI"  # [KB] R20 manual, p. 102
FORBIDDEN = Reply(status=403, body=b"Forbidden", content_type="text/plain")


class Gate:
    """The mode and its secrets stand in the settings, as on the real one. The same `mac` gives the
    same nonce, so that a run can be repeated (S23)."""

    def __init__(self, mac: str) -> None:
        self.nonce = sha256(f"nonce/{mac}".encode()).hexdigest()[:32]
        self.opaque = sha256(f"opaque/{mac}".encode()).hexdigest()[:16]

    def refusal(self, config: Config, request: Request) -> Reply | None:
        """What to answer to somebody who may not ask; None if he may."""
        mode = keys.AUTH_MODES.get(config[keys.AUTH_MODE], "none")
        if mode == "allowlist":
            allowed = [config[key] for key in keys.ALLOWLIST]
            return None if request.peer in allowed else FORBIDDEN
        if mode == "basic":
            return None if basic(config, request) else challenge(f'Basic realm="{REALM}"')
        if mode == "digest":
            return None if self.digest(config, request) else self.digest_challenge()
        return None

    def digest_challenge(self) -> Reply:
        return challenge(
            f'Digest realm="{REALM}", qop="auth,auth-int", algorithm=MD5, '
            f'nonce="{self.nonce}", opaque="{self.opaque}"'
        )

    def digest(self, config: Config, request: Request) -> bool:
        scheme, _, rest = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "digest":
            return False
        given = parse_keqv_list(parse_http_list(rest))
        known = {"nonce": self.nonce, "username": config[keys.API_USER]}
        if not known.items() <= given.items():
            return False
        return same(given.get("response", ""), expected(config, request, given))


def expected(config: Config, request: Request, given: dict[str, str]) -> str:
    """RFC 7616 with MD5, qop `auth` or `auth-int`."""
    qop = given.get("qop", "auth")
    what = f"{request.method}:{request.target}"
    if qop == "auth-int":
        what += f":{digest_of(request.body)}"
    who = digest_of(f"{config[keys.API_USER]}:{REALM}:{config[keys.API_PASSWORD]}")
    count, own = given.get("nc", ""), given.get("cnonce", "")
    return digest_of(f"{who}:{given['nonce']}:{count}:{own}:{qop}:{digest_of(what)}")


def basic(config: Config, request: Request) -> bool:
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    try:
        given = base64.b64decode(rest, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return False
    wanted = f"{config[keys.API_USER]}:{config[keys.API_PASSWORD]}"
    return scheme.lower() == "basic" and same(given, wanted)


def challenge(how: str) -> Reply:
    return Reply(status=401, body=b"", headers={"WWW-Authenticate": how})


def digest_of(value: str | bytes) -> str:
    data = value.encode() if isinstance(value, str) else value
    return md5(data, usedforsecurity=False).hexdigest()


def same(one: str, other: str) -> bool:
    return compare_digest(one.encode(), other.encode())
