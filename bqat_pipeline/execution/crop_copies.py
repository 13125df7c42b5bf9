"""The file of a crop, and which of several crops becomes it: that whose copy has the best verdict, measured again."""

import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from bqat_pipeline.columns import MEASURED
from bqat_pipeline.requirements import RuleSet, evaluate_row
from bqat_pipeline.requirements.crop import Crop
from bqat_pipeline.requirements.evaluate import Outcome

if TYPE_CHECKING:
    import numpy as np

    from bqat_pipeline.face import FaceEngine

JPEG_QUALITY = 95
# What stores every pixel as it is; copies of all others are JPEGs.
LOSSLESS = ("PNG", "BMP", "TIFF", "PPM", "GIF", "ICO", "TGA")
# Best first.
_ORDER: tuple[Outcome, ...] = ("pass", "borderline", "not_assessed", "fail")
Copy = TypeVar("Copy")


@dataclass(frozen=True, slots=True)
class Judged(Generic[Copy]):
    """A crop, its copy, and the verdict of the copy as measured."""

    crop: Crop
    copy: Copy
    verdict: Outcome


def best_copy(
    rules: RuleSet,
    crops: Iterable[Crop],
    make: Callable[[Crop], Copy],
    measure: Callable[[Copy], Mapping[str, Any]],
) -> Judged[Copy]:
    """The first crop whose copy passes when it is measured; where none does, the first of those with the best verdict.

    Parameters
    ----------
    crops : At least one, best first; the next is asked for only where those before do not pass.
    make : The copy of a crop.
    measure : The face profile of a copy; one without a measured face is worse than every verdict.
    """
    best: Judged[Copy] | None = None
    best_place = len(_ORDER)
    for crop in crops:
        copy = make(crop)
        row = measure(copy)
        verdict = evaluate_row(rules, row)
        remaining = tuple(
            r.title for r in rules.requirements if r.severity == "required" and verdict.results[r.name] == "fail"
        )
        # Without a measured face, the verdict `not_assessed` says that the crop lost it.
        place = _ORDER.index(verdict.overall) if row["status"] in MEASURED else len(_ORDER)
        if best is None or place < best_place:
            best, best_place = Judged(replace(crop, remaining=remaining), copy, verdict.overall), place
        if verdict.overall == "pass":
            break
    if best is None:
        raise ValueError("no crop was given")
    return best


@cache
def engine_of_copies(confidence: float | None, max_pixels: int) -> "FaceEngine":
    """The engine that measures copies, loaded once a process."""
    from bqat_pipeline.face import EngineOptions, FaceEngine

    chosen = EngineOptions(max_pixels=max_pixels)
    return FaceEngine(chosen if confidence is None else replace(chosen, confidence=confidence))


def decoded(content: bytes, max_pixels: int) -> "np.ndarray":
    """Upright pixels (h, w, 3) uint8 sRGB of a picture.

    Raises
    ------
    SourceError : when it cannot be decoded.
    """
    from bqat_pipeline.face.picture.decode import decode
    from bqat_pipeline.face.picture.probe import probe

    return decode(content, probe(content, max_pixels), reduce=False).image


def cut_out(image: "np.ndarray", crop: Crop) -> "np.ndarray":
    """Pixels (height, width, 3) of a crop of upright pixels."""
    from bqat_pipeline.face.picture.cut import cut

    return cut(image, crop.corners, (crop.width, crop.height))


def encoded(pixels: "np.ndarray", form: str) -> bytes:
    """The file of a copy: PNG where the original's format stores every pixel as it is, else JPEG."""
    from PIL import Image

    image = Image.fromarray(pixels)
    sink = io.BytesIO()
    if form in LOSSLESS:
        image.save(sink, "PNG")
    else:
        image.save(sink, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return sink.getvalue()
