"""The fixed public set of ``make nightly``: the sample data set, and copies of pictures that packages carry, by a fixed recipe.

Portraits: Eileen Collins (scikit-image) and Grace Hopper (matplotlib), both of NASA and the US Navy and in the public domain; beside them
pictures of scikit-image without a face. The recipes count in whole numbers and mostly write lossless files, so that another
library or processor makes the same pixels.
"""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import skimage
from PIL import Image

from bqat_pipeline.sample import portraits, sample_files

Pixels = np.ndarray[Any, Any]

# Its outline of the person has two solutions, and versions of OpenCV take different ones.
_UNDECIDED = ("hopper_grey",)

_FACELESS = ("brick", "camera", "cell", "chelsea", "clock_motion", "coins", "hubble_deep_field", "rocket", "text")


def public_files() -> Iterator[tuple[str, bytes]]:
    """Relative path and content of each file of the set."""
    for name, content in sample_files():
        yield f"sample/{name}", content
    for name, make in recipes().items():
        yield name, make()


def recipes() -> dict[str, Callable[[], bytes]]:
    """How each file beyond the sample data set is made, by its relative path."""
    found: dict[str, Callable[[], bytes]] = {}
    for person, bgr in zip(("collins", "hopper"), portraits(), strict=True):
        image = np.ascontiguousarray(bgr[..., ::-1])
        for name, change in _CHANGES.items():
            if f"{person}_{name}" not in _UNDECIDED:
                found[f"changed/{person}_{name}.png"] = lambda image=image, change=change: _saved(change(image), "PNG")  # type: ignore[misc]
        for name, (kind, options) in _FORMATS.items():
            found[f"formats/{person}_{name}"] = lambda image=image, k=kind, o=options: _saved(image, k, **o)  # type: ignore[misc]
    folder = Path(skimage.__file__).parent / "data"
    for path in sorted(folder.iterdir()):
        if path.stem in _FACELESS:
            found[f"faceless/{path.name}"] = path.read_bytes
    return found


def write_public_set(folder: Path) -> int:
    """Write the set to a folder, and return its number of files."""
    count = 0
    for name, content in public_files():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        count += 1
    return count


def _saved(image: Pixels, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, kind, **options)
    return buffer.getvalue()


def _smaller(image: Pixels, factor: int) -> Pixels:
    """Means of squares of pixels, rounded down."""
    height, width = (side // factor * factor for side in image.shape[:2])
    squares = image[:height, :width].reshape(height // factor, factor, width // factor, factor, 3)
    return (squares.sum(axis=(1, 3), dtype=np.int64) // factor**2).astype(np.uint8)


def _larger(image: Pixels, factor: int) -> Pixels:
    return image.repeat(factor, axis=0).repeat(factor, axis=1)


def _lit(image: Pixels, percent: Pixels | int) -> Pixels:
    return np.minimum(255, image.astype(np.int64) * percent // 100).astype(np.uint8)


def _from_the_side(image: Pixels) -> Pixels:
    return _lit(image, np.linspace(20, 140, image.shape[1]).astype(np.int64)[None, :, None])


def _moved(image: Pixels, length: int) -> Pixels:
    """Blur of a movement to the side."""
    sums = np.cumsum(np.pad(image, ((0, 0), (length, 0), (0, 0)), "edge").astype(np.int64), axis=1)
    return ((sums[:, length:] - sums[:, :-length]) // length).astype(np.uint8)


def _noisy(image: Pixels) -> Pixels:
    noise = np.random.RandomState(1).randint(-40, 41, image.shape)  # whose numbers numpy promises to keep
    return np.clip(image.astype(np.int64) + noise, 0, 255).astype(np.uint8)


def _grey(image: Pixels) -> Pixels:
    grey = image.astype(np.int64) @ np.array([30, 59, 11]) // 100
    return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)


def _on_white(image: Pixels) -> Pixels:
    return np.pad(image, ((300, 100), (250, 50), (0, 0)), constant_values=255)


def _cut_out(image: Pixels) -> Pixels:
    alpha = np.full((*image.shape[:2], 1), 255, np.uint8)
    alpha[:, : image.shape[1] // 6] = 0
    return np.dstack([image, alpha])


_CHANGES: dict[str, Callable[[Pixels], Pixels]] = {
    "half_size": lambda image: _smaller(image, 2),
    "quarter_size": lambda image: _smaller(image, 4),
    "double_size": lambda image: _larger(image, 2),
    "triple_size": lambda image: _larger(image, 3),
    "pixelated": lambda image: _larger(_smaller(image, 4), 4),
    "cut_left": lambda image: image[:, image.shape[1] * 2 // 5 :],
    "cut_below": lambda image: image[: image.shape[0] * 2 // 5],
    "on_white": _on_white,
    "bright": lambda image: _lit(image, 150),
    "dim": lambda image: _lit(image, 40),
    "lit_from_the_side": _from_the_side,
    "reddish": lambda image: _lit(image, np.array([120, 90, 80])),
    "grey": _grey,
    "flat": lambda image: (100 + image.astype(np.int64) // 4).astype(np.uint8),
    "posterised": lambda image: image // 32 * 32,
    "noisy": _noisy,
    "moved": lambda image: _moved(image, 12),
    "upside_down": lambda image: np.ascontiguousarray(image[::-1, ::-1]),
    "quarter_turned": lambda image: np.rot90(image),
    "cut_out": _cut_out,
}

_ORIENTED = Image.Exif()
_ORIENTED[0x0112] = 6

_FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    "80.jpg": ("JPEG", {"quality": 80}),
    "30.jpg": ("JPEG", {"quality": 30}),
    "10.jpg": ("JPEG", {"quality": 10}),
    "progressive.jpg": ("JPEG", {"quality": 90, "progressive": True, "subsampling": 0}),
    "oriented.jpg": ("JPEG", {"quality": 90, "exif": _ORIENTED}),
    "lossless.webp": ("WEBP", {"lossless": True}),
    "plain.bmp": ("BMP", {}),
    "deflated.tif": ("TIFF", {"compression": "tiff_adobe_deflate"}),
    "indexed.gif": ("GIF", {}),
}
