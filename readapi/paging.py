"""Lists: documents as they lie in the read model, and a cursor to what follows."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import cache
from hashlib import sha256
from typing import Any

from flask import Response, request
from marshmallow import Schema, fields

from domain.kernel import Malformed
from domain.record import frozen
from projections.listing import Key, Page
from readapi.waiting import After
from schemas.of import schema_of

MOST, USUAL = 200, 50
AS_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


class Paged:
    """What a query with `limit` and `cursor` asks for."""

    __slots__ = ()
    limit: int
    cursor: str | None

    @property
    def after(self) -> Key | None:
        if self.cursor is None:
            return None
        try:
            mark, *key = json.loads(urlsafe_b64decode(self.cursor))
            if mark != list_mark():
                raise ValueError
            return tuple(key)
        except (ValueError, TypeError, RecursionError):
            raise Malformed("cursor", "not a cursor of this list") from None

    @property
    def size(self) -> int:
        if not 0 < self.limit <= MOST:
            raise Malformed("limit", f"1 to {MOST}")
        return self.limit


@frozen
class PageQuery(After, Paged):
    """`limit` of 1 to 200; `cursor` is the `next` of the page before, opaque."""

    limit: int = USUAL
    cursor: str | None = None


@cache
def page_of(document: type) -> type[Schema]:
    """The schema of a page: {"items": [document], "next": cursor or null}."""
    items = fields.List(fields.Nested(schema_of(document)), required=True)
    made: dict[str, Any] = {"items": items, "next": fields.String(required=True, allow_none=True)}
    return Schema.from_dict(made, name=f"{document.__name__}Page")


def answer(page: Page, items: list[dict[str, Any]] | None = None) -> Response:
    """The documents are JSON already: they are joined, not parsed. `items` stand in for them where
    they did not say all.
    """
    following = "null" if page.after is None else f'"{cursor(page.after)}"'
    shown = array(page) if items is None else AS_JSON.encode(items)
    return item(f'{{"items":{shown},"next":{following}}}')


def items_of(page: Page) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(array(page))
    return found


def array(page: Page) -> str:
    return f"[{','.join(page.docs)}]"


def item(doc: str) -> Response:
    return Response(doc, mimetype="application/json")


def cursor(key: Key) -> str:
    return urlsafe_b64encode(json.dumps([list_mark(), *key], default=str).encode()).decode()


def list_mark() -> str:
    """Of the list and its order: another list's cursor would give an arbitrary page."""
    order = request.args.get("sort", "")
    return sha256(f"{request.path}?{order}".encode()).hexdigest()[:8]
