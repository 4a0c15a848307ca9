"""Immutable records, and what in them is personal."""

from dataclasses import dataclass, fields
from functools import cache
from typing import Annotated, Any, Final, TypeVar, dataclass_transform, get_args, get_type_hints

T = TypeVar("T")


class Erased:
    """Stands where a personal value stood, once its person is forgotten."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Erased)

    def __hash__(self) -> int:
        return hash(Erased)

    def __repr__(self) -> str:
        return "erased"


ERASED: Final = Erased()
SEALED: Final = "sealed in the log, masked in repr"
Personal = Annotated[T | Erased, SEALED]
Secret = Annotated[T, SEALED]  # within a record that is personal as a whole


def sealed(hint: Any) -> bool:
    """Whether a type hint is, or holds, something personal."""
    return SEALED in getattr(hint, "__metadata__", ()) or any(map(sealed, get_args(hint)))


@cache
def personal_fields(cls: type) -> frozenset[str]:
    """The names of the fields of a record that are personal."""
    return frozenset(n for n, h in get_type_hints(cls, include_extras=True).items() if sealed(h))


def masked(self: Any) -> str:
    cls: type = type(self)
    hidden = personal_fields(cls)
    shown = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in hidden}
    return f"{cls.__name__}({shown | dict.fromkeys(sorted(hidden), '***')})"


@dataclass_transform(frozen_default=True, kw_only_default=True)
def frozen(cls: type[T]) -> type[T]:
    """Immutable, keyword-only, compared by value, printed without what is personal."""
    cls.__repr__ = masked  # type: ignore[method-assign]
    return dataclass(frozen=True, kw_only=True, slots=True, repr=False)(cls)
