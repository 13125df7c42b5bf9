"""Picture files of any format, and the pictures decoded from them."""

import io

import numpy as np
from PIL import Image

from bqat_pipeline.face.picture.decode import Picture, decode
from bqat_pipeline.face.picture.probe import probe

LIMIT = 64_000_000


def decoded(content: bytes) -> Picture:
    return decode(content, probe(content, LIMIT))


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)  # type: ignore[arg-type]
    return buffer.getvalue()


def cut_out(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """An RGBA picture whose left half is transparent, and the RGB picture that it shows on white."""
    alpha = np.full(image.shape[:2], 255, np.uint8)
    alpha[:, : image.shape[1] // 2] = 0
    seen = image.copy()
    seen[alpha == 0] = 255
    return np.dstack([image, alpha]), seen


def with_damaged_exif(size: tuple[int, int]) -> bytes:
    """A JPEG that lies on its side, and whose EXIF holds a text where a number belongs."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "a maker"
    sink = io.BytesIO()
    Image.new("RGB", size, 90).save(sink, "JPEG", exif=exif.tobytes().replace(b"\x01\x0f\0\x02", b"\x01\x09\0\x02"))
    return sink.getvalue()
