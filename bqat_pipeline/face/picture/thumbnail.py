"""Small versions of pictures for browsers. Pillow is imported when the first one is asked for."""

import io
from typing import IO, Any

_MEDIA = {"webp": "image/webp", "png": "image/png", "jpeg": "image/jpeg", "jpg": "image/jpeg"}
# WebP: half the time of the default method for 5 % more bytes.
_EFFORT = {"webp": {"method": 2}}
# Side of the mosaic that a blurred face is reduced to, px: too coarse to recognise anybody.
_BLURRED_SIDE = 12


class PictureError(ValueError):
    """The bytes are not a picture of a known format, are damaged, or have too many pixels."""


def thumbnail_bytes(
    stream: IO[bytes], side: int, max_pixels: int, form: str = "webp", *, blurred: bool = False
) -> tuple[bytes, str]:
    """An upright picture with at most `side` px a side, and its media type.

    Parameters
    ----------
    stream : The picture file.
    max_pixels : Larger pictures are refused by their header, before decoding.
    form : ``webp``, ``png``, ``jpeg`` or ``jpg``.
    blurred : Reduce the picture to a mosaic in which nobody can be recognised.

    Raises
    ------
    PictureError : when it is not a picture, is damaged or has too many pixels.
    """
    image = _open(stream, side, max_pixels)
    try:
        image.thumbnail((side, side))
        if blurred:
            size = image.size
            image.thumbnail((_BLURRED_SIDE, _BLURRED_SIDE))
            image = image.resize(size)
        sink = io.BytesIO()
        if form in {"jpeg", "jpg"}:
            image.convert("RGB").save(sink, "JPEG", quality=80)
        else:
            image.convert("RGBA" if "A" in image.getbands() else "RGB").save(
                sink, form.upper(), **_EFFORT.get(form, {})
            )
    except Exception as error:  # Pillow raises anything for damaged files
        raise PictureError(f"the picture cannot be decoded: {type(error).__name__}") from error
    return sink.getvalue(), _MEDIA[form]


def _open(stream: IO[bytes], side: int, max_pixels: int) -> Any:
    from bqat_pipeline.face.picture.probe import opened, turned_upright

    try:
        image: Any = opened(stream)
        width, height = image.size
        if width * height > max_pixels:
            raise PictureError(f"{width * height} px; the limit is {max_pixels} (BQAT_MAX_PIXELS)")
        image.draft("RGB", (2 * side, 2 * side))  # JPEG: decode at a fraction of the size
        if image.mode.startswith(("I", "F")):
            image = image.point(lambda value: value / 256).convert("L") if image.mode != "F" else image.convert("L")
        return turned_upright(image)
    except PictureError:
        raise
    except Exception as error:
        raise PictureError("not a picture this server can read") from error
