"""The zip around a workbook: bombs, lies and other formats are refused before it is parsed."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from struct import Struct
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from schemas.sheets.columns import UnreadableSheet

MB = 1_000_000
MIB = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Limits:
    """F1. Sizes in bytes, `ratio` is inflated : packed, `seconds` of wall clock and of CPU."""

    size: int = 10 * MB
    members: int = 64
    directory: int = 65_536
    inflated: int = 50 * MB
    ratio: float = 100
    rows: int = 20_000
    columns: int = 64
    text: int = 20 * MB
    memory: int = 512 * MIB
    seconds: int = 20


LIMITS = Limits()

END = Struct("<4s4H2LH")
LOCAL = Struct("<4s22x2H")
ZIP64 = b"PK\x06\x07"
BLOCK = 65_536
# A formula or an error value: the reader gives both as blank when there is no value in store.
CALCULATED = (b"<f>", b"<f ", b":f>", b":f ", b't="e"', b"t='e'")

DAMAGED = (
    "The file is damaged or incomplete: open it in a spreadsheet program, "
    "save it again as .xlsx and try again."
)


def examine(data: bytes, limits: Limits) -> bool:
    """Refuse what is no sound workbook; True if a worksheet holds formulas or error values."""
    if len(data) > limits.size:
        raise UnreadableSheet(f"The file is larger than {limits.size // MB} MB: split it.")
    _refuse_other_formats(data)
    members = _members(data, limits)
    _refuse_other_archives({info.filename for info, _ in members})
    calculating = [info for info, packed in members if _calculates(info, packed)]
    return bool(calculating)


def _refuse_other_formats(data: bytes) -> None:
    if not data:
        raise UnreadableSheet("The file is empty.")
    if data.startswith(b"\xd0\xcf\x11\xe0") and "EncryptedPackage".encode("utf-16-le") in data:
        raise UnreadableSheet("The file has a password: remove it, save and try again.")
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise UnreadableSheet("This is an old .xls file: open it, save it as .xlsx and try again.")
    if not data.startswith(b"PK") and b"\0" not in data[:4096]:
        raise UnreadableSheet(
            "This is text (such as .csv), not an .xlsx file: copy its rows into the template, "
            "into columns formatted as text, so that leading zeros stay."
        )
    if not data.startswith(b"PK"):
        raise UnreadableSheet("This is not an .xlsx file: start from the template.")


def _refuse_other_archives(names: set[str]) -> None:
    if "xl/workbook.bin" in names or "content.xml" in names:
        raise UnreadableSheet("This is an .xlsb or .ods file: save it as .xlsx and try again.")
    if "xl/workbook.xml" not in names:
        raise UnreadableSheet("This is not an .xlsx file: start from the template.")


def _members(data: bytes, limits: Limits) -> list[tuple[ZipInfo, memoryview]]:
    """The members and their packed bytes, after all that the directory alone can tell."""
    infos, directory_at = _directory(data, limits)
    total = sum(info.file_size for info in infos)
    if len(infos) > limits.members:
        raise UnreadableSheet(f"The file has more than {limits.members} parts: use the template.")
    if len({info.filename.casefold() for info in infos}) < len(infos):
        raise UnreadableSheet(DAMAGED)
    if any(info.flag_bits & 1 for info in infos):
        raise UnreadableSheet("The file has a password: remove it, save and try again.")
    if total > limits.inflated or total > limits.ratio * len(data):
        raise UnreadableSheet(
            f"The file unpacks to {total / MB:.0f} MB: copy its rows into a new template "
            "and leave out formatting, pictures and other sheets."
        )
    return _apart(data, infos, directory_at)


def _directory(data: bytes, limits: Limits) -> tuple[list[ZipInfo], int]:
    """Sized before zipfile reads it: 10 MB of directory would become 200,000 objects here."""
    if len(data) < END.size:
        raise UnreadableSheet(DAMAGED)
    mark, *_, size, _at, comment = END.unpack(data[-END.size :])
    if mark != b"PK\x05\x06" or comment or data[-END.size - 20 :].startswith(ZIP64):
        raise UnreadableSheet(DAMAGED)
    if size > limits.directory:
        raise UnreadableSheet(f"The file has more than {limits.members} parts: use the template.")
    try:
        with ZipFile(BytesIO(data)) as archive:
            return sorted(archive.infolist(), key=lambda i: i.header_offset), archive.start_dir
    except (BadZipFile, NotImplementedError, UnicodeDecodeError):
        raise UnreadableSheet(DAMAGED) from None


def _apart(
    data: bytes, infos: list[ZipInfo], directory_at: int
) -> list[tuple[ZipInfo, memoryview]]:
    """CVE-2024-0450: every member ends before the next begins; Python 3.11.7 does not look."""
    whole = memoryview(data)
    starts = [*(info.header_offset for info in infos), directory_at]
    packed = []
    for info, (start, following) in zip(infos, pairwise(starts), strict=True):
        if start < 0 or start + LOCAL.size > len(data):
            raise UnreadableSheet(DAMAGED)
        mark, name, extra = LOCAL.unpack_from(data, start)
        begin = start + LOCAL.size + name + extra
        if mark != b"PK\x03\x04" or begin + info.compress_size > following:
            raise UnreadableSheet(DAMAGED)
        packed.append((info, whole[begin : begin + info.compress_size]))
    return packed


def _calculates(info: ZipInfo, packed: memoryview) -> bool:
    """Inflates block by block, also where nothing is searched: the declared size must be true."""
    size, found, tail = 0, False, b""
    searched = info.filename.startswith("xl/worksheets/")
    for block in _inflate(info, packed):
        size += len(block)
        if size > info.file_size:
            break
        if searched and not found:
            seen = tail + block
            found = any(mark in seen for mark in CALCULATED)
            tail = block[-8:]
    if size != info.file_size:
        raise UnreadableSheet(DAMAGED)
    return found


def _inflate(info: ZipInfo, packed: memoryview) -> Iterator[bytes]:
    if info.compress_type == ZIP_STORED:
        yield bytes(packed)
        return
    if info.compress_type != ZIP_DEFLATED:
        raise UnreadableSheet(DAMAGED)
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for at in range(0, len(packed), BLOCK):
            rest: bytes | memoryview = packed[at : at + BLOCK]
            while rest:
                yield stream.decompress(rest, MIB)
                rest = stream.unconsumed_tail
        yield stream.flush()
    except zlib.error:
        raise UnreadableSheet(DAMAGED) from None
    if not stream.eof or stream.unused_data:
        raise UnreadableSheet(DAMAGED)
