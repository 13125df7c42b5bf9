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
