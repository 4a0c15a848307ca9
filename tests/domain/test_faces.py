"""Faces: one photo for one person, kept small and bare, beside the log."""

import random
import struct
import zlib
from dataclasses import replace
from io import BytesIO
from time import perf_counter
from typing import Any

import pytest
from PIL import Image

from commands.residents.keys import EnrollFace, RemoveFace
from commands.residents.pictures import KEPT_BYTES, as_kept
from domain.access_groups import AccessGroup, Door
from domain.devices import Device, Relay
from domain.faces import FaceEnrolled, FaceRemoved, known_by
from domain.kernel import Malformed, fold
from domain.residents import Resident
from domain.rights import entries, evidence
from tests.builders import (
    ANN,
    BOB,
    GATE,
    HARBOUR,
    SWIMMERS,
    a_community,
    a_device,
    a_face,
    a_group,
    a_photo,
    a_resident,
    an_apartment,
    joined,
)
from tests.scenario import MANAGER, a_bus, a_log, given

HOME = (a_community(), an_apartment(), a_resident(), joined())
GPS = 0x8825


def saved(image: Image.Image, kind: str = "JPEG", **more: Any) -> bytes:
    made = BytesIO()
    image.save(made, kind, **more)
    return made.getvalue()


def opened(picture: bytes) -> Image.Image:
    return Image.open(BytesIO(picture))


def test_m32_a_photo_is_kept_beside_the_log_and_its_event_says_which() -> None:
    log = a_log(*HOME)
    ask = EnrollFace(resident=ANN, photo=a_photo())
    a_bus(log).dispatch(ask, community=HARBOUR, actor=MANAGER)
    enrolled = log.read(after=0)[-1].event
    assert isinstance(enrolled, FaceEnrolled)
    picture = log.photos.get(ANN, str(enrolled.photo))
    assert picture == as_kept(a_photo())
    assert len(str(enrolled.photo)) == 64


def test_m32_one_photo_for_one_person() -> None:
    first, second = a_photo(1), a_photo(2)
    again = EnrollFace(resident=ANN, photo=first)
    given(*HOME, a_face(first)).when(again).then_nothing()
    other = EnrollFace(resident=ANN, photo=second)
    given(*HOME, a_face(first)).when(other).then(a_face(second))
    given(*HOME, a_face(first)).when(RemoveFace(resident=ANN)).then(FaceRemoved(resident=ANN))
    given(*HOME).when(RemoveFace(resident=ANN)).then_nothing()


def test_m32_the_photo_of_somebody_else_is_refused() -> None:
    two = (*HOME, a_resident(BOB, role="family"), joined(BOB, role="family"), a_face(a_photo()))
    given(*two).when(EnrollFace(resident=BOB, photo=a_photo())).then_refused("photo-taken")


def test_m32_f4_what_a_camera_wrote_beside_the_pixels_is_gone() -> None:
    exif = Image.Exif()
    exif[GPS] = {1: "N", 2: (48.0, 51.0, 29.0)}
    exif[0x010E] = "my front door"
    photo = opened(a_photo())
    upload = saved(photo, exif=exif, comment=b"my front door", icc_profile=b"my front door")
    assert b"my front door" in upload
    kept = opened(as_kept(upload))
    assert b"front door" not in as_kept(upload)
    assert not kept.getexif()
    assert kept.info.keys() <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_m32_a_photo_that_lies_on_its_side_is_set_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    upload = saved(opened(a_photo()).resize((300, 200)), exif=exif)
    assert opened(as_kept(upload)).size == (200, 300)


def test_f4_what_is_hidden_behind_a_picture_is_not_kept() -> None:
    assert b"<script>" not in as_kept(a_photo() + b"<script>alert(1)</script>")


@pytest.mark.parametrize("side", [120, 800, 4096])
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_m32_whatever_the_size_a_phone_can_take_what_is_kept(side: int, kind: str) -> None:
    noise = Image.frombytes("RGB", (120, 120), random.Random(0).randbytes(120 * 120 * 3))
    large = side > 1000
    kept = as_kept(
        saved(Image.new("RGB", (side, side)) if large else noise.resize((side, side)), kind)
    )
    assert len(kept) <= KEPT_BYTES
    assert opened(kept).format == "JPEG"


def a_bomb(width: int = 60_000, height: int = 60_000) -> bytes:
    """A PNG of a few bytes that would be gigabytes of pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 1_000_000)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    "upload",
    [
        a_bomb(),
        a_bomb(4097, 4097),
        b"",
        b"GIF89a" + bytes(100),
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        bytes(2 * 2**20 + 1),
        saved(Image.new("RGB", (119, 400))),
        saved(Image.new("RGB", (400, 400)), "WEBP"),
        a_photo()[:2000],
    ],
    ids=["bomb", "large", "empty", "gif", "svg", "heavy", "small", "webp", "torn"],
)
def test_m32_f4_what_is_no_photo_is_refused_cheaply(upload: bytes) -> None:
    began = perf_counter()
    with pytest.raises(Malformed) as refused:
        as_kept(upload)
    assert perf_counter() - began < 2
    assert refused.value.field == "photo"


def device(*methods: frozenset[str]) -> Device:
    phone = fold(Device, [a_device()])
    assert phone
    return replace(
        phone,
        relays=tuple(
            Relay(number=n, name="Gate", methods=taken)  # type: ignore[arg-type]
            for n, taken in enumerate(methods, 1)
        ),
    )


def test_m32_a_face_stands_in_a_record_of_its_own_that_keeps_its_key() -> None:
    doors = frozenset({Door(device=GATE, relay=n) for n in (1, 2)})
    pool = fold(AccessGroup, [a_group(SWIMMERS, *doors)])
    person = fold(Resident, [a_resident(ANN, SWIMMERS), a_face(a_photo())])
    assert pool
    assert person
    phone = device(frozenset({"face", "pin"}), frozenset({"pin"}))
    [alone] = entries(person, phone, [pool])
    pin, face = entries(replace(person, pin="2468"), phone, [pool])
    assert (alone.key, face.key, pin.key) == (f"{ANN.hex}-face", f"{ANN.hex}-face", ANN.hex)
    assert {n for g in face.grants for n in g.relays} == {1}  # M101
    alike = device(frozenset({"face", "pin"}))
    apart = entries(replace(person, pin="2468"), alike, [pool])
    assert [one.grants for one in apart] == [apart[0].grants] * 2
    assert evidence([face]) == evidence([alone])
    assert set(evidence([pin, face])) == {(ANN, "pin"), (ANN, "face")}


def test_nobody_sees_a_photo_in_what_is_printed() -> None:
    ask = EnrollFace(resident=ANN, photo=b"\xff\xd8secret")
    happened = a_face(a_photo())
    assert "secret" not in repr(ask)
    assert known_by(as_kept(a_photo())) not in repr((happened, happened.claims()))
