"""Folders of pictures below a data root."""

import io
import zipfile
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import skimage.data

from bqat_pipeline.sample import portraits, sample_files


@cache
def samples() -> dict[str, bytes]:
    """Name to content of the 24 sample files."""
    return dict(sample_files())


@cache
def portrait() -> bytes:
    """A JPEG portrait with one face."""
    return samples()["originals/hopper.jpg"]


@cache
def cat_like_a_face() -> bytes:
    """A JPEG of a cat (Chelsea, Stefan van der Walt, CC0) with a trace of a portrait in it: the detector takes it for a face."""
    cat, person = skimage.data.chelsea()[:, :, ::-1], portraits()[1]
    between_eyes, of_person, scale = (153, 118), (263, 188.5), 84 / 75  # px, px, ratio of the eye distances
    place = np.array(
        [[scale, 0, of_person[0] - scale * between_eyes[0]], [0, scale, of_person[1] - scale * between_eyes[1]]]
    )
    size = (person.shape[1], person.shape[0])
    laid = cv2.warpAffine(np.ascontiguousarray(cat), place, size, borderMode=cv2.BORDER_REPLICATE)
    mixed = cv2.addWeighted(laid, 0.78, person, 0.22, 0)
    return cv2.imencode(".jpg", mixed, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()


def write_samples(folder: Path) -> int:
    """Write the sample files and return their number."""
    for name, content in samples().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return len(samples())


def write_portraits(folder: Path, count: int) -> None:
    """Write the same portrait under many names; each file differs in its last bytes, so that no row is reused."""
    folder.mkdir(parents=True)
    for number in range(count):
        (folder / f"{number:04d}.jpg").write_bytes(portrait() + f"{folder}/{number}".encode())


def archive(files: dict[str, bytes]) -> bytes:
    """A zip archive."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as target:
        for name, content in files.items():
            target.writestr(name, content)
    return stream.getvalue()
