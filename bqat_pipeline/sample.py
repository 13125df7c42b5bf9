"""The sample data set: 24 files, generated from two public-domain portraits in installed packages."""

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bqat_pipeline.datasets import durable

Image = np.ndarray[Any, Any]


def portraits() -> tuple[Image, Image]:
    """Eileen Collins (512x512, scikit-image) and Grace Hopper (600x512, matplotlib), uint8 BGR.

    Raises
    ------
    FileNotFoundError : when a package or its picture is missing.
    """
    return _read("skimage", "data/astronaut.png"), _read("matplotlib", "mpl-data/sample_data/grace_hopper.jpg")


def _read(package: str, relative: str) -> Image:
    import cv2
    import PIL.Image

    spec = importlib.util.find_spec(package)  # does not execute the package: matplotlib takes half a second
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f"the package {package}, whose portrait the sample is made from, is not installed")
    path = Path(spec.origin).parent / relative
    with PIL.Image.open(path) as image:  # not cv2: it warns about a colour profile in one of them
        return cv2.cvtColor(np.asarray(image.convert("RGB")), cv2.COLOR_RGB2BGR)


def sample_files() -> Iterator[tuple[str, bytes]]:
    """Relative path and content of each file of the sample data set; the same bytes each time."""
    import cv2

    collins, hopper = portraits()

    def encode(image: Image, extension: str = ".jpg", quality: int = 92) -> bytes:
        parameters = [cv2.IMWRITE_JPEG_QUALITY, quality] if extension == ".jpg" else []
        return cv2.imencode(extension, image, parameters)[1].tobytes()

    originals = {"collins": encode(collins, ".png"), "hopper": encode(hopper)}
    yield "originals/collins.png", originals["collins"]
    yield "originals/hopper.jpg", originals["hopper"]
    changes: dict[str, Callable[[Image], Image]] = {
        "mirrored": lambda image: image[:, ::-1],
        "rotated_anticlockwise_10": lambda image: _rotated(image, 10),
        "rotated_clockwise_20": lambda image: _rotated(image, -20),
        "dark": lambda image: (image * 0.25).astype(np.uint8),
        "double_size": lambda image: cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC),
        "grey": lambda image: cv2.cvtColor(image, cv2.COLOR_BGR2GRAY),
        "blurred": lambda image: cv2.GaussianBlur(image, (0, 0), 6),
    }
    for number, (name, change) in enumerate(changes.items()):
        person, image = (("collins", collins), ("hopper", hopper))[number % 2]
        yield f"changed/{person}_{name}.jpg", encode(change(image))
    yield "portraits/collins_framed.jpg", encode(_framed(collins, eyes=(226, 117), eye_to_chin=74))
    # as from a camera a little higher and more to the side: head upright and frontal, as document rule sets want it
    passing = _framed(hopper, eyes=(263, 190), eye_to_chin=148, turn=2, keystone=(-0.18, -0.47))
    other = _framed(hopper, eyes=(263, 190), eye_to_chin=152, turn=2, keystone=(-0.24, -0.47))
    yield "portraits/hopper_framed.jpg", encode(passing)
    yield "portraits/hopper_mirrored.jpg", encode(other[17:-17, 13:-13][:, ::-1])
    yield (
        "portraits/hopper_smaller.jpg",
        encode(cv2.resize(passing, (540, 700), interpolation=cv2.INTER_AREA), quality=85),
    )
    yield "changed/hopper_overcompressed.jpg", encode(hopper, quality=4)
    yield "copies/collins_copy.png", originals["collins"]
    yield "copies/hopper_saved_again.jpg", encode(hopper, quality=60)
    height = min(collins.shape[0], hopper.shape[0])
    yield "several/two_faces.jpg", encode(np.hstack([collins[:height], hopper[:height]]))
    yield "broken/no_face.jpg", encode(_read("skimage", "data/coffee.png"))
    yield "broken/flat_grey.png", encode(np.full((300, 240, 3), 128, np.uint8), ".png")
    yield "broken/truncated.jpg", originals["hopper"][: len(originals["hopper"]) * 2 // 3]
    yield "broken/truncated_in_header.jpg", originals["hopper"][:150]
    yield "broken/not_an_image.jpg", b"This is a text file that calls itself a picture.\n"
    yield "broken/empty.jpg", b""
    yield "broken/huge_header.png", _bomb_header(60_000, 60_000)


def write_sample(folder: Path) -> int:
    """Write the sample data set to a folder, and return its number of files; existing files of equal size are kept."""
    count = 0
    for relative, content in sample_files():
        path = folder / relative
        count += 1
        if path.is_file() and path.stat().st_size == len(content):
            continue
        durable.write(path, content)
    return count


def _framed(
    image: Image,
    eyes: tuple[int, int],
    eye_to_chin: int,
    turn: float = 0.0,
    keystone: tuple[float, float] = (0.0, 0.0),
) -> Image:
    """The face framed like a passport photo of 648 x 840 px: head 72 % of the height, eyes at 42 % from the top.

    Parameters
    ----------
    eyes : Midpoint of the eyes, px.
    eye_to_chin : Distance from there to the chin, px; about half of the head's length.
    turn : Degrees clockwise about the eyes.
    keystone : How much smaller than at the eyes everything is one width to the right, and one height below.
    """
    import cv2

    scale = 0.36 * 840 / eye_to_chin
    cosine, sine = scale * np.cos(np.radians(turn)), scale * np.sin(np.radians(turn))
    to_eyes = np.array([[1, 0, -eyes[0]], [0, 1, -eyes[1]], [0, 0, 1.0]])
    turned = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
    seen = np.array([[1, 0, 0], [0, 1, 0], [keystone[0] / 648, keystone[1] / 840, 1]])
    placed = np.array([[1, 0, 324], [0, 1, 0.42 * 840], [0, 0, 1]])
    matrix = placed @ seen @ turned @ to_eyes
    return cv2.warpPerspective(image, matrix, (648, 840), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def _rotated(image: Image, anticlockwise_degrees: float) -> Image:
    """The image rotated about its centre, with its border pixels repeated outwards."""
    import cv2

    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), anticlockwise_degrees, 1.0)
    return cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)


def _bomb_header(width: int, height: int) -> bytes:
    """A PNG whose header claims width x height px and whose data hold one row."""
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    row = zlib.compress(b"\0" * (1 + width // 8))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", row) + chunk(b"IEND", b"")
