"""Files that somebody sends to a phone: photos of faces [UL]."""

from io import BytesIO
from typing import Any, Final

from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header

from device_adapters.simulator.messages import Request
from device_adapters.simulator.phone import Phone
from device_adapters.simulator.tables import ERROR_PARAM, FAILED, Rejected
from device_adapters.simulator.users import face_in

FACES: Final = "Face"
MOST_BYTES: Final = 200 * 1024  # [ZA], a phone of the same make under another name
JPEG: Final = b"\xff\xd8\xff"


def read(request: Request) -> dict[str, Any]:
    """The file of a multipart body: its name and its bytes."""
    kind, options = parse_options_header(request.headers.get("content-type"))
    parser = FormDataParser(stream_factory=lambda *_, **__: BytesIO(), silent=True)
    _, _, files = parser.parse(BytesIO(request.body), kind, len(request.body), options)
    file = files.get("file")
    if file is None or not file.filename:
        raise Rejected(ERROR_PARAM)
    return {"name": file.filename.rpartition("/")[2], "content": file.read()}


def keep(phone: Phone, name: str, content: bytes) -> str:
    """Where it lies from now on; a face is found in it, unless a fault has it otherwise."""
    if len(content) > MOST_BYTES or not content.startswith(JPEG):
        raise Rejected(FAILED)
    if not phone.faults.strikes("accept_and_drop") and not phone.faults.is_on("no_face"):
        phone.users.files[name] = face_in(content)
    return f"/mnt/{FACES}/{name}"
