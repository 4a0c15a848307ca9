"""A marshmallow schema for any record, from its type hints: nothing is said twice."""

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime, time
from functools import cache
from types import NoneType, UnionType
from typing import Any, ClassVar, Literal, Union, cast, get_args, get_origin, get_type_hints
from uuid import UUID

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from marshmallow import Schema, ValidationError, post_load, validate
from marshmallow import fields as m

from domain.record import Erased
from domain.residents import Email, Mobile

LONGEST_TEXT = 2000
MOST_BYTES = 3 * 2**20


class Text(m.String):
    """One line of printable text: control characters reach no log, mail or sheet (S12)."""

    def _deserialize(self, *args: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(*args, **kwargs)
        if len(text) > LONGEST_TEXT or not text.isprintable():
            raise ValidationError(f"Printable text of at most {LONGEST_TEXT} characters.")
        return text


class EmailAddress(Text):
    def _deserialize(self, *args: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(*args, **kwargs)
        try:
            return validate_email(text, check_deliverability=False).normalized
        except EmailNotValidError:
            raise ValidationError("Not an e-mail address, as ann@example.org.") from None


class MobileNumber(Text):
    def _deserialize(self, *args: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(*args, **kwargs)
        rule = "Not a phone number with its calling code, as +351 912 345 678."
        try:
            number = phonenumbers.parse(text)
        except phonenumbers.NumberParseException:
            raise ValidationError(rule) from None
        if not phonenumbers.is_possible_number(number):
            raise ValidationError(rule)
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


class WholeNumber(m.Integer):
    """A number without a fraction; digits as text are one too, for queries have nothing else."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(value, bool | float):
            raise ValidationError("Not a whole number.")
        return super()._deserialize(value, *args, **kwargs)


class ClockTime(m.Time):
    """HH:MM, as people and phones say it; no seconds, no zone."""

    def _serialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        return f"{value:%H:%M}" if isinstance(value, time) else None


class Base64(m.String):
    """Bytes as text; what is said of them must not quote them."""

    def _deserialize(self, *args: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(*args, **kwargs)
        try:
            found = b64decode(text, validate=True) if len(text) <= MOST_BYTES * 4 // 3 else None
        except (NotBase64, ValueError):
            raise ValidationError("Not base64.") from None
        if found is None:
            raise ValidationError(f"At most {MOST_BYTES} bytes in base64.")
        return found

    def _serialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        return b64encode(value).decode() if isinstance(value, bytes) else None


class FrozenSet(m.List[Any]):
    def _deserialize(self, *args: Any, **kwargs: Any) -> Any:
        return frozenset(super()._deserialize(*args, **kwargs))


class Tuple(m.List[Any]):
    def _deserialize(self, *args: Any, **kwargs: Any) -> Any:
        return tuple(super()._deserialize(*args, **kwargs))


FIELDS: Mapping[Any, Callable[..., m.Field[Any]]] = {
    str: Text,
    Email: EmailAddress,
    Mobile: MobileNumber,
    int: WholeNumber,
    bool: m.Boolean,
    bytes: Base64,
    date: m.Date,
    time: ClockTime,
    datetime: m.AwareDateTime,
    UUID: m.UUID,
}


class Shape(Schema):
    """Loads into its record; an unknown field is an error."""

    record: ClassVar[type]

    @post_load
    def make(self, data: dict[str, Any], **_: object) -> object:
        return self.record(**data)


def field(hint: Any, **options: Any) -> m.Field[Any]:
    """The marshmallow field of a type hint; raises KeyError for a type that no wire knows."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        [inner] = set(args) - {NoneType, Erased}
        return field(inner, allow_none=NoneType in args, **options)
    if origin is Literal:
        return m.String(validate=validate.OneOf(args), **options)
    if origin is frozenset:
        return FrozenSet(field(args[0]), **options)
    if origin is tuple:
        return Tuple(field(args[0]), **options)
    if is_dataclass(hint):
        return m.Nested(schema_of(cast(type, hint)), **options)
    return FIELDS[hint if hint in FIELDS else getattr(hint, "__supertype__", hint)](**options)


@cache
def schema_of(record: type) -> type[Shape]:
    """`PinRow` gives `PinRowSchema`; what has a default is not required."""
    hints = get_type_hints(record)
    made = {
        f.name: field(hints[f.name], required=f.default is MISSING and f.default_factory is MISSING)
        for f in fields(record)
    }
    return type(f"{record.__name__}Schema", (Shape,), {"record": record, **made})
