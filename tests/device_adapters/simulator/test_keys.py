"""S13: plates, tags and faces as a phone takes them, and floors as it keeps them."""

from typing import Any

import pytest

from device_adapters.simulator.messages import Request
from device_adapters.simulator.phone import Phone
from device_adapters.simulator.users import face_in
from tests.device_adapters.simulator.phones import a_phone, a_user, get, post, sent

PHOTO = b"\xff\xd8\xff a photo"
PLACES = [{"Plate": "AB12"}, {"Plate": "CD34"}, {}, {}, {}]
BOUNDARY = "frontier"


def imported(phone: Phone, photo: bytes = PHOTO, name: str = "u1.jpg", to: str = "Face") -> Any:
    """The whole envelope, of what a browser sends."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    request = Request(
        method="POST",
        target=f"/api/filetool/import?destFile={to}&index=",
        headers={"content-type": f"multipart/form-data; boundary={BOUNDARY}"},
        body=head.encode() + photo + f"\r\n--{BOUNDARY}--\r\n".encode(),
    )
    return sent(phone, request)


def row(phone: Phone) -> Any:
    [found] = get(phone, "user/get")["data"]["item"]
    return found


def with_face(name: str = "u1.jpg", status: str = "1") -> dict[str, Any]:
    return {**a_user(), "FaceFileName": name, "FaceRegisterStatus": status}


def test_s13_plates_stand_in_five_places_and_let_in() -> None:
    phone = a_phone("X916")
    assert post(phone, "user", "add", {**a_user(), "LicensePlate": PLACES})["retcode"] == 0
    assert row(phone)["LicensePlate"] == PLACES
    assert phone.present("plate", "cd34").opened
    assert phone.present("uhf", "CD34").opened
    assert not phone.present("plate", "EF56").opened


@pytest.mark.parametrize("places", ["AB12", [{}] * 6, [{"Plate": 12}]])
def test_s13_what_is_no_list_of_five_places_is_refused(places: object) -> None:
    answer = post(a_phone("X916"), "user", "add", {**a_user(), "LicensePlate": places})
    assert answer["message"] == "Error param"


def test_s6_a_model_without_plates_or_faces_swallows_them() -> None:
    phone = a_phone("E12W")
    assert post(phone, "user", "add", {**with_face(), "LicensePlate": PLACES})["retcode"] > 0
    assert not {"LicensePlate", "FaceFileName", "FaceRegisterStatus"} & row(phone).keys()
    assert imported(phone)["message"] == "unsupport action"


def test_s13_a_face_is_known_once_its_photo_is_there_and_its_row_says_so() -> None:
    phone = a_phone("X916")
    post(phone, "user", "add", with_face())
    assert row(phone)["FaceRegisterStatus"] == "0"
    assert imported(phone)["data"] == {"path": "/mnt/Face/u1.jpg"}
    post(phone, "user", "set", {"ID": "1", **with_face()})
    said = {name: row(phone)[name] for name in ("FaceFileName", "FaceUrl", "FaceRegisterStatus")}
    assert list(said.values()) == ["u1.jpg", "/mnt/Face/u1.jpg", "1"]
    assert "FaceID" not in row(phone)
    assert phone.present("face", face_in(PHOTO)).opened
    post(phone, "user", "set", {"ID": "1", **with_face(status="0")})
    assert not phone.present("face", face_in(PHOTO)).opened


@pytest.mark.parametrize("photo", [b"GIF89a", b"\xff\xd8\xff" + bytes(200 * 1024)])
def test_s13_what_is_no_small_jpeg_is_refused(photo: bytes) -> None:
    assert imported(a_phone("X916"), photo)["message"] == "Failed"


def test_s20_no_face_is_found_where_a_fault_has_it_so() -> None:
    phone = a_phone("X916")
    phone.faults.set("no_face", {})
    assert imported(phone)["retcode"] == 0
    post(phone, "user", "add", with_face())
    assert row(phone)["FaceRegisterStatus"] == "0"


def test_a_file_of_nothing_is_refused() -> None:
    nothing = Request(method="POST", target="/api/filetool/import?destFile=Face", body=b"x")
    assert sent(a_phone("X916"), nothing)["message"] == "Error param"
    assert imported(a_phone("X916"), to="VoicePrompt")["message"] == "unsupport action"
