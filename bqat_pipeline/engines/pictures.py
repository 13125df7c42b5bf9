"""Pictures as external engines get them: read, judged and set upright by our own decoder.

So limits, formats, orientation and colour are the same for all engines, and an engine never sees a hostile file or a
file name with a separator in it.
"""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from bqat_pipeline.engines.base import EngineSpec, Row, Source
from bqat_pipeline.face.errors import SourceError


@dataclass(frozen=True)
class Picture:
    """A source as far as it could be read.

    Attributes
    ----------
    row : Identity columns, and status and reason where it could not be read.
    image : (H, W, 3) uint8 upright sRGB, or None.
    """

    row: Row
    image: np.ndarray | None


def read(source: Source, spec: EngineSpec) -> Picture:
    """The picture of a source; never raises for a bad one."""
    from bqat_pipeline.face.picture import identity
    from bqat_pipeline.face.picture.decode import decode
    from bqat_pipeline.face.picture.file_facts import NO_FACTS
    from bqat_pipeline.face.picture.probe import probe
    from bqat_pipeline.face.picture.pyramid import Pyramid
    from bqat_pipeline.face.picture.source import check_size, read_bytes

    row: Row = {"sha256": None, "phash256": None, "format": None, **asdict(NO_FACTS), "warnings": []}
    try:
        if isinstance(source, bytes):
            check_size(len(source), spec.max_file_size)
            content = source
        else:
            content = read_bytes(source, spec.max_file_size)
        row["sha256"] = identity.sha256(content)
        header = probe(content, spec.max_pixels)
        row |= {"format": header.format, **asdict(header.facts)}
        picture = decode(content, header, reduce=False)
    except SourceError as error:
        return Picture(row | failed(error.status, error.code, str(error)), None)
    except MemoryError:
        return Picture(row | failed("unreadable", "out_of_memory", "not enough memory for this picture"), None)
    row["phash256"] = identity.phash256(Pyramid(picture.image, (picture.width, picture.height)))
    row["warnings"] = list(picture.warnings)
    return Picture(row, np.ascontiguousarray(picture.image))


def stage(image: np.ndarray, folder: Path, number: int) -> Path:
    """Write an upright picture as PNG under a name without meaning; every engine reads PNG."""
    import cv2

    path = folder / f"{number:06d}.png"
    # low compression: read once, then deleted
    if not cv2.imwrite(str(path), image[:, :, ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1]):
        raise OSError(f"cannot write {path}")
    return path


def failed(status: str, code: str, sentence: str) -> Row:
    """Status columns of a picture that has no result."""
    return {"status": status, "reason_code": code, "reason": sentence}


def measured() -> Row:
    """Status columns of a picture with one measured face."""
    return {"status": "ok", "reason_code": None, "reason": None}
