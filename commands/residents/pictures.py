"""From whatever was uploaded to the picture that is kept: small, upright, pixels and no more."""

from io import BytesIO
from threading import BoundedSemaphore
from typing import Final

from PIL import Image, ImageOps

from domain.kernel import Malformed

MOST_BYTES: Final = 2 * 2**20
LEAST_SIDE, MOST_SIDE = 120, 4096  # F4
KEPT_BYTES: Final = 200 * 1024  # what a phone takes (ADR 19)
KEPT_SIDES, KEPT_QUALITIES = (1280, 800, 480), (90, 75, 50)
FORMATS: Final = ("JPEG", "PNG")
DECODERS = BoundedSemaphore(1)  # 4096 x 4096 are 64 MB while they are looked at


def as_kept(upload: bytes) -> bytes:
    """A JPEG of at most 200 KB; the same for the same upload. What the file says beside its pixels,
    such as where it was taken, is gone (F4). Malformed for what is no such picture.
    """
    if len(upload) > MOST_BYTES:
        raise Malformed("photo", f"{MOST_BYTES // 2**20} MB at most")
    with DECODERS:
        return written(decoded(upload))


def decoded(upload: bytes) -> Image.Image:
    """Its size is looked at before its pixels, so that a bomb costs nothing."""
    try:
        image = Image.open(BytesIO(upload), formats=FORMATS)
        sides = sorted(image.size)
    except Exception:  # whatever a hostile file breaks, it breaks here
        raise Malformed("photo", "not a JPEG or PNG picture") from None
    if not LEAST_SIDE <= sides[0] <= sides[1] <= MOST_SIDE:
        raise Malformed("photo", f"{LEAST_SIDE} to {MOST_SIDE} pixels on each side")
    try:
        image.draft("RGB", (KEPT_SIDES[0], KEPT_SIDES[0]))
        return ImageOps.exif_transpose(image).convert("RGB")
    except Exception:
        raise Malformed("photo", "not a whole picture: save it again") from None


def written(image: Image.Image) -> bytes:
    """As large and as good as there is room for."""
    for side in KEPT_SIDES:
        image.thumbnail((side, side))
        for quality in KEPT_QUALITIES:
            made = BytesIO()
            bare(image).save(made, "JPEG", quality=quality)
            if made.tell() <= KEPT_BYTES:
                return made.getvalue()
    raise Malformed("photo", "nothing but noise: take another one")


def bare(image: Image.Image) -> Image.Image:
    """The pixels alone: no EXIF, no comment, no colour profile."""
    return Image.frombytes(image.mode, image.size, image.tobytes())
