"""Columns of a call as PostgreSQL's binary arrays: psycopg's own way takes ten times as long."""

from collections.abc import Collection
from struct import pack
from typing import Any, ClassVar, Generic, Self, TypeVar
from uuid import UUID

from psycopg.abc import AdaptContext
from psycopg.adapt import Dumper
from psycopg.pq import Format

T = TypeVar("T")
NULL = pack("!i", -1)
UUID_SIZE, INT_SIZE, BOOL_SIZE = (pack("!i", size) for size in (16, 4, 1))


class Array(bytes, Generic[T]):
    """One dimension, as it goes over the wire. None is NULL."""

    oid: ClassVar[int]
    element: ClassVar[int]

    @classmethod
    def of(cls, values: Collection[T | None]) -> Self:
        """For psycopg, which chooses by the class."""
        return cls(cls.wire(values))

    @classmethod
    def wire(cls, values: Collection[T | None]) -> bytes:
        if not values:
            return pack("!iiI", 0, 0, cls.element)
        head = pack("!iiIii", 1, 1, cls.element, len(values), 1)
        return head + b"".join(cls.cells(values))

    @staticmethod
    def cells(values: Collection[Any]) -> list[bytes]:
        """Of each its length and its bytes."""
        raise NotImplementedError


class Blobs(Array[bytes]):
    oid, element = 1001, 17

    @staticmethod
    def cells(values: Collection[bytes | None]) -> list[bytes]:
        return [NULL if v is None else len(v).to_bytes(4) + v for v in values]


class Texts(Array[str]):
    oid, element = 1009, 25

    @staticmethod
    def cells(values: Collection[str | None]) -> list[bytes]:
        return Blobs.cells([None if v is None else v.encode() for v in values])


class Uuids(Array[UUID]):
    oid, element = 2951, 2950

    @staticmethod
    def cells(values: Collection[UUID | None]) -> list[bytes]:
        return [NULL if v is None else UUID_SIZE + v.int.to_bytes(16) for v in values]


class Ints(Array[int]):
    oid, element = 1007, 23

    @staticmethod
    def cells(values: Collection[int | None]) -> list[bytes]:
        return [NULL if v is None else INT_SIZE + v.to_bytes(4, signed=True) for v in values]


class Bools(Array[bool]):
    oid, element = 1000, 16

    @staticmethod
    def cells(values: Collection[bool | None]) -> list[bytes]:
        return [NULL if v is None else BOOL_SIZE + v.to_bytes() for v in values]


class ArrayDumper(Dumper):
    format = Format.BINARY

    def __init__(self, cls: type[Array[Any]], context: AdaptContext | None = None) -> None:
        super().__init__(cls, context)
        self.oid = cls.oid

    def dump(self, obj: bytes) -> bytes:
        return obj


def register(context: AdaptContext) -> None:
    for kind in (Blobs, Texts, Uuids, Ints, Bools):
        context.adapters.register_dumper(kind, ArrayDumper)
