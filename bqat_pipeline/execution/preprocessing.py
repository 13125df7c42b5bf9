"""Changed copies of the pictures of a folder: crop, colour space, width, scale, format, in this order. Originals stay.

Copies of ``data/bob`` go to ``data/bob_65782/bob/<path>/<stem>.<extension>``, where 65782 begins the task's id.
They are made in a hidden folder that takes its name when all of them are there.
"""

import io
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, cast

from bqat_pipeline.columns import MEASURED
from bqat_pipeline.datasets import durable
from bqat_pipeline.datasets.confinement import resolve_within
from bqat_pipeline.datasets.filesystem import Location
from bqat_pipeline.datasets.folders import COPIES_MARK
from bqat_pipeline.datasets.listing import ListedFile, NameFilter, list_source
from bqat_pipeline.datasets.records import Source
from bqat_pipeline.execution.bounded import bounded_map
from bqat_pipeline.execution.crop_copies import best_copy, cut_out, decoded, engine_of_copies
from bqat_pipeline.requirements import evaluate_row, list_rule_sets, load_rule_set
from bqat_pipeline.requirements.crop import cropped, plan_crop
from bqat_pipeline.requirements.other_crops import other_crops

if TYPE_CHECKING:
    from PIL import Image

_MARK_TEXT = (
    "Copies made by bqat-pipeline from {}. A scan of a folder above, and the folder sensor, leave them out;\n"
    "a scan of this folder takes them. Without this file they are pictures like any other.\n"
)
# Extensions that can be written, and Pillow's names of their formats.
WRITABLE: dict[str, str] = {
    "png": "PNG",
    "jpg": "JPEG",
    "jpeg": "JPEG",
    "bmp": "BMP",
    "jp2": "JPEG2000",
    "webp": "WEBP",
    "tif": "TIFF",
    "tiff": "TIFF",
    "gif": "GIF",
}
_MODES = {
    "grayscale": "L",
    "greyscale": "L",
    "bw": "1",
    "rgb": "RGB",
    "rgba": "RGBA",
    "hsv": "HSV",
    "cmyk": "CMYK",
    "ycbcr": "YCbCr",
}
# Colour modes that each format can hold (Pillow handbook, "Image file formats"); others are stored as the last one.
_HOLDS: dict[str, tuple[str, ...]] = {
    "PNG": ("1", "L", "RGBA", "RGB"),
    "JPEG": ("L", "CMYK", "YCbCr", "RGB"),
    "BMP": ("1", "L", "RGB"),
    "JPEG2000": ("L", "RGBA", "YCbCr", "RGB"),
    "WEBP": ("RGBA", "RGB"),
    "TIFF": ("1", "L", "RGBA", "CMYK", "YCbCr", "RGB"),
    "GIF": ("1", "L", "RGB"),
}
# Modes whose channels are stored as they are in the three channels of an RGB picture when a format cannot hold them.
_RAW_CHANNELS = {"HSV", "YCbCr"}
MAX_SIDE = 30_000  # px; beyond it formats such as WebP and JPEG end (65,500 and 16,383), and memory with them


@dataclass(frozen=True)
class Recipe:
    """What is done to each picture.

    Attributes
    ----------
    scale : Factor of both sides, 0 < scale <= 20.
    resize : Width in px; the height follows. None: as it is.
    convert : Extension of the copies; None: that of each original.
    mode : Colour space: one of grayscale, greyscale, bw, rgb, rgba, hsv, cmyk, ycbcr.
    crop : Name of a shipped rule set: crop to what it asks of size and place of the head, before everything else;
        pictures that cannot be are not copied. Empty: no crop.
    """

    scale: float = 1.0
    resize: int | None = None
    convert: str | None = None
    mode: str = "rgb"
    crop: str = ""


@dataclass(frozen=True)
class Outcome:
    """How many pictures were copied, and the first reasons for which others were not."""

    done: int
    failed: int
    reasons: tuple[str, ...] = ()


class PreprocessingError(ValueError):
    """The picture cannot be copied as asked; the message says why."""


def pictures(data: Location, source: str, extensions: list[str], pattern: str = "") -> Iterator[ListedFile]:
    """Files of a folder with one of the extensions and a name that matches ``*<pattern>.<extension>``."""
    place = resolve_within(data, source)
    uri = place.path if place.is_local else f"{place.filesystem.type_name}://{place.path}"
    for file in list_source(Source(uri=uri, prefix=source), NameFilter(extensions)):
        stem = file.name.rsplit("/", 1)[-1].rpartition(".")[0]
        if not file.problem and (not pattern or fnmatchcase(stem, f"*{pattern}")):
            yield file


def count_pictures(data: Location, source: str, extensions: list[str], pattern: str = "", limit: int = 20_000) -> int:
    """Number of pictures that would be copied, counted up to a limit."""
    count = 0
    for _ in pictures(data, source, extensions, pattern):
        count += 1
        if count >= limit:
            break
    return count


def preprocess(
    data: Location,
    source: str,
    target: str,
    extensions: list[str],
    recipe: Recipe,
    *,
    pattern: str = "",
    max_pixels: int = 64_000_000,
    workers: int = 0,
) -> Outcome:
    """Copies of all matching pictures of a folder, in place at once when all are made.

    Parameters
    ----------
    data : The data root.
    source, target : Folders below it, as clients name them (``data/bob``).

    Raises
    ------
    PathNotAllowedError : when one of them leads out of the data root.
    FileNotFoundError : when there is no source folder.
    PreprocessingError : when no picture could be copied, or there is no such rule set.
    """
    if recipe.crop and recipe.crop not in list_rule_sets():  # never a path: the name comes from a client
        raise PreprocessingError(f"there is no rule set {recipe.crop!r}; take {', '.join(list_rule_sets())}")
    final = resolve_within(data, target)
    workplace = final.parent / f".{final.name}.tmp" if final.is_local else final
    workplace.delete_dir()
    origin = resolve_within(data, source)
    folder = _joined(workplace, source.removeprefix("data/"))
    taken: set[str] = set()
    done, failed, reasons = 0, 0, list[str]()
    threads = workers or os.cpu_count() or 1
    try:
        (workplace / os.fsdecode(COPIES_MARK)).write_bytes(_MARK_TEXT.format(source).encode())
        with ThreadPoolExecutor(threads) as pool:
            jobs = (
                _Copy(origin, file.path, _joined(folder, _target_name(file.name, recipe.convert, taken)))
                for file in pictures(data, source, extensions, pattern)
            )
            copy = partial(_copy, recipe=recipe, max_pixels=max_pixels)
            for job, future in bounded_map(copy, jobs, pool, window=2 * threads):
                problem = future.result()
                done, failed = (done, failed + 1) if problem else (done + 1, failed)
                if problem and len(reasons) < 10:
                    reasons.append(f"{os.fsdecode(job.path)}: {problem}")
        if not done:
            raise PreprocessingError("; ".join(reasons[:3]) or f"no file in {source} matches")
        if workplace != final:
            durable.move_folder(workplace.local, final.local)
    except BaseException:
        if workplace != final or not done:
            workplace.delete_dir()
        raise
    return Outcome(done, failed, tuple(reasons))


def changed(image: "Image.Image", recipe: Recipe, form: str) -> "Image.Image":
    """The picture after colour space, width and scale, in a mode that the format can hold.

    Raises
    ------
    PreprocessingError : when a side would be 0 or above 30,000 px.
    """
    from PIL import Image

    image = _recoloured(image, _MODES[recipe.mode or "rgb"], form)
    width, height = image.size
    if recipe.resize:
        width, height = recipe.resize, round(height * recipe.resize / width)
    width, height = round(width * recipe.scale), round(height * recipe.scale)
    if not 1 <= width <= MAX_SIDE or not 1 <= height <= MAX_SIDE:
        raise PreprocessingError(f"the copy would be {width} x {height} px; sides are 1..{MAX_SIDE} px")
    if (width, height) != image.size:
        resampling = Image.Resampling.NEAREST if image.mode == "1" else Image.Resampling.LANCZOS
        image = image.resize((width, height), resampling)
    return image


def _recoloured(image: "Image.Image", mode: str, form: str) -> "Image.Image":
    from PIL import Image

    if image.mode.startswith("I"):  # 16 bit: keep the upper 8
        image = image.point(lambda value: value / 256).convert("L")
    if mode in {"HSV", "YCbCr", "CMYK"} and image.mode != "RGB":
        image = image.convert("RGB")
    image = image.convert(mode)
    holds = _HOLDS[form]
    if image.mode in holds:
        return image
    if image.mode in _RAW_CHANNELS:
        return Image.merge("RGB", image.split())
    return image.convert("L" if image.mode == "1" and "L" in holds else holds[-1])


@dataclass(frozen=True)
class _Copy:
    origin: Location
    path: bytes
    target: Location


def _copy(job: _Copy, *, recipe: Recipe, max_pixels: int) -> str:
    """Why the picture was not copied; empty when it was."""
    from bqat_pipeline.face.picture.probe import opened, turned_upright

    form = WRITABLE[job.target.name.rpartition(".")[2].lower()]
    place = Location(job.origin.filesystem, f"{job.origin.path}/{os.fsdecode(job.path)}")
    try:
        content = place.read_bytes()
        with opened(io.BytesIO(content)) as image:
            width, height = image.size
            if width * height > max_pixels:
                raise PreprocessingError(f"{width * height} px; the limit is {max_pixels} (BQAT_MAX_PIXELS)")
            upright = _cropped(content, recipe.crop, max_pixels) if recipe.crop else turned_upright(image)
            copy = changed(upright, recipe, form)
            if copy.width * copy.height > max_pixels:
                raise PreprocessingError(f"the copy would have more than {max_pixels} px (BQAT_MAX_PIXELS)")
            sink = io.BytesIO()
            copy.save(sink, form)
    except Exception as error:  # noqa: BLE001 - Pillow raises anything for damaged files; the others are still copied
        return str(error) or type(error).__name__
    job.target.write_bytes(sink.getvalue(), sync_folder=False)  # all folders are when all copies are there
    return ""


def _cropped(content: bytes, rules: str, max_pixels: int) -> "Image.Image":
    """The picture cropped to a rule set, upright and in sRGB.

    Raises
    ------
    PreprocessingError : when it cannot be; the message says why.
    """
    from PIL import Image

    engine, chosen = engine_of_copies(None, max_pixels), load_rule_set(rules)
    row = engine.analyse(content)
    if row["status"] not in MEASURED:
        raise PreprocessingError(f"no crop: {row['reason']}")
    size = cast(int, row["image_width"]), cast(int, row["image_height"])
    plan = plan_crop(chosen, row, size)
    if plan.crop is None:
        raise PreprocessingError(plan.reason)
    image = decoded(content, max_pixels)
    if evaluate_row(chosen, cropped(row, size, plan.crop)).overall != "pass":
        return Image.fromarray(cut_out(image, plan.crop))
    windows = chain([plan.crop], other_crops(chosen, row, size, plan.crop))
    return Image.fromarray(best_copy(chosen, windows, lambda crop: cut_out(image, crop), engine.analyse).copy)


def _target_name(name: str, convert: str | None, taken: set[str]) -> str:
    """Relative path of a copy that no other copy has, in lower case neither.

    Of originals that differ in their extension only, the second keeps it in its name; further ones get a number.
    """
    stem, _, extension = name.rpartition(".")
    wanted = convert or (extension.lower() if extension.lower() in WRITABLE else "png")
    result, number = f"{stem}.{wanted}", 1
    while result.lower() in taken:
        ending = extension.lower() if number == 1 else f"{extension.lower()}_{number}"
        result, number = f"{stem}_{ending}.{wanted}", number + 1
    taken.add(result.lower())
    return result


def _joined(root: Location, path: str) -> Location:
    for part in path.split("/"):
        root = root / part
    return root
