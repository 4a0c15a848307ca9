"""A page of residents as FastAPI, pydantic and SQLAlchemy's ORM over asyncpg give it."""

import json
import os
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import Depends, FastAPI
from psycopg.conninfo import conninfo_to_dict
from pydantic import BaseModel
from sqlalchemy import ARRAY, ForeignKey, MetaData, Uuid, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

PAGE = 50
given = conninfo_to_dict(os.environ["BENCH_CONNINFO"])
names = {"host": "host", "port": "port", "user": "user", "dbname": "database"}
engine = create_async_engine(
    "postgresql+asyncpg://",
    connect_args={ours: given[theirs] for theirs, ours in names.items() if theirs in given},
    pool_size=8,
)
sessions = async_sessionmaker(engine, expire_on_commit=False)
app = FastAPI()


class Base(DeclarativeBase):
    metadata = MetaData(schema="read")


class Building(Base):
    __tablename__ = "residents_buildings"
    building: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]


class Apartment(Base):
    __tablename__ = "residents_apartments"
    apartment: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str]
    name: Mapped[str]


class Group(Base):
    __tablename__ = "residents_groups"
    group: Mapped[UUID] = mapped_column("group_id", primary_key=True)
    number: Mapped[int]
    name: Mapped[str]


class Resident(Base):
    __tablename__ = "residents"
    resident: Mapped[UUID] = mapped_column(primary_key=True)
    community: Mapped[UUID]
    name: Mapped[str]
    role: Mapped[str]
    contact: Mapped[str]
    building_id: Mapped[UUID] = mapped_column("building", ForeignKey(Building.building))
    apartment_id: Mapped[UUID] = mapped_column("apartment", ForeignKey(Apartment.apartment))
    groups: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    has_pin: Mapped[bool]
    cards: Mapped[int]
    building: Mapped[Building] = relationship(lazy="joined", innerjoin=True)
    apartment: Mapped[Apartment] = relationship(lazy="joined", innerjoin=True)


class ContactOut(BaseModel):
    first_name: str
    last_name: str
    email: str | None
    mobile: str | None
    phones: list[str]
    remark: str | None


class GroupOut(BaseModel):
    group: UUID
    number: int
    name: str


class ResidentOut(BaseModel):
    resident: UUID
    role: str
    name: str
    contact: ContactOut
    building: UUID
    building_name: str
    apartment: UUID
    apartment_number: str
    apartment_name: str
    groups: list[GroupOut]
    has_pin: bool
    cards: int


class PageOut(BaseModel):
    items: list[ResidentOut]


async def session() -> AsyncIterator[AsyncSession]:
    async with sessions() as opened:
        yield opened


@app.get("/")
async def page(
    community: UUID, name: str, resident: UUID, db: Annotated[AsyncSession, Depends(session)]
) -> PageOut:
    found = await db.scalars(
        select(Resident)
        .where(Resident.community == community)
        .where(tuple_(Resident.name, Resident.resident) > (name, resident))
        .order_by(Resident.name, Resident.resident)
        .limit(PAGE)
    )
    people = found.all()
    ids = {group for person in people for group in person.groups}
    named = await db.scalars(select(Group).where(Group.group.in_(ids))) if ids else []
    groups = {group.group: group for group in named}
    return PageOut(items=[shown(person, groups) for person in people])


def shown(person: Resident, groups: dict[UUID, Group]) -> ResidentOut:
    contact = ContactOut(**json.loads(person.contact))
    belongs_to = sorted((groups[id] for id in person.groups), key=lambda group: group.number)
    return ResidentOut(
        resident=person.resident,
        role=person.role,
        name=f"{contact.first_name} {contact.last_name}",
        contact=contact,
        building=person.building_id,
        building_name=person.building.name,
        apartment=person.apartment_id,
        apartment_number=person.apartment.number,
        apartment_name=person.apartment.name,
        groups=[GroupOut(group=g.group, number=g.number, name=g.name) for g in belongs_to],
        has_pin=person.has_pin,
        cards=person.cards,
    )
