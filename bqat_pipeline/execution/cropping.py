"""Copies of the pictures of a data set, cropped so that a rule set's limits on size and place of the head are met.

What is done is kept: each copy is complete and carries a mark of what it was made from (``marked_files``), so that a
second call passes over those that are current. Files that carry no such mark are never touched.
"""

import contextlib
import errno
import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from bqat_pipeline.columns import MEASURED
from bqat_pipeline.datasets import DatasetRecord, durable
from bqat_pipeline.datasets.csv_files import CsvList
from bqat_pipeline.datasets.folders import COPIES_MARK
from bqat_pipeline.datasets.pictures import open_picture
from bqat_pipeline.datasets.tables import read_batches
from bqat_pipeline.execution.bounded import bounded_map
from bqat_pipeline.execution.crop_copies import LOSSLESS, best_copy, cut_out, decoded, encoded, engine_of_copies
from bqat_pipeline.execution.crop_list import LIST, LIST_COLUMNS, CropOutcome, list_line
from bqat_pipeline.execution.executors import available_cores, open_pool
from bqat_pipeline.execution.marked_files import mark_of, marked
from bqat_pipeline.execution.pool import WorkerDiedError, time_limit
from bqat_pipeline.requirements import RuleSet, evaluate_row
from bqat_pipeline.requirements.crop import Crop, crop_columns, cropped, plan_crop
from bqat_pipeline.requirements.evaluate import Outcome
from bqat_pipeline.requirements.other_crops import other_crops
from bqat_pipeline.settings import Settings

if TYPE_CHECKING:
    import pyarrow.dataset as ds

_EXTENSIONS = {"JPEG": ("jpg", "jpeg", "jpe", "jfif", "pjpeg"), "PNG": ("png",)}
_MARK_TEXT = (
    "Cropped copies made by bqat-pipeline. A scan of a folder above, and the folder sensor, leave them out;\n"
    "a scan of this folder takes them. Without this file they are pictures like any other.\n"
)
# Part of every mark: other pixels of the same crop need another one.
_VERSION = 1
# What a name can be at fault for; anything else (a full disk) ends the work.
_FAULTS_OF_NAMES = (errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ, errno.ENOTDIR, errno.EISDIR, errno.ELOOP)


class CroppingError(ValueError):
    """The crops cannot be made as asked; the message says why."""


@dataclass(frozen=True, slots=True)
class CropSummary:
    """What became of all pictures; ``verdicts`` are those of the copies, ``measured`` how many of them as measured."""

    outcomes: dict[str, int]
    verdicts: dict[str, int]
    measured: int
    new: int
    reasons: dict[str, int]
    folder: str
    list: str


@dataclass(frozen=True, slots=True)
class _Work:
    """What all pictures have in common."""

    record: DatasetRecord
    rules: RuleSet
    folder: Path
    seconds: float
    max_pixels: int
    max_file_size: int


@dataclass(frozen=True, slots=True)
class _Job:
    number: int
    row: dict[str, Any]
    name: str


def crop_dataset(
    record: DatasetRecord,
    profiles: "ds.Dataset",
    rules: RuleSet,
    folder: Path,
    settings: Settings,
    on_progress: Callable[[int], None] = lambda done: None,
) -> CropSummary:
    """Cropped copies of the pictures of a data set, and a list of what became of each (``crops.csv``).

    Parameters
    ----------
    profiles : Face profiles.
    folder : Gets the copies, under the names of the pictures relative to their source.
    on_progress : Called with the number of pictures that are done; may raise to stop.

    Raises
    ------
    CroppingError : when the folder is one of the originals.
    OSError : when the copies cannot be written. What was done is kept, and listed.
    """
    _refuse_originals(record, folder)
    _prepare(folder)
    limits = (float(settings.image_timeout), settings.max_pixels, int(settings.max_file_size))
    work = _Work(record, rules, folder.resolve(), *limits)
    workers = settings.workers or available_cores()
    counts: dict[str, Counter[str]] = {"outcomes": Counter(), "verdicts": Counter(), "reasons": Counter()}
    new = measured = 0
    with durable.replacement(folder / LIST) as temporary, CsvList(temporary, LIST_COLUMNS) as lines:
        with _interruption_kept() as kept, open_pool(workers, int(settings.worker_memory)) as compute:
            jobs = bounded_map(
                partial(_crop_safely, work=work), _jobs(record, profiles, rules), compute.executor, window=4 * workers
            )
            outcomes = ((job, _finished(job, future, settings)) for job, future in jobs)
            for done, outcome in enumerate(_in_order(outcomes), 1):
                lines.write(*list_line(outcome))
                counts["outcomes"][outcome.outcome] += 1
                if outcome.crop is None:
                    counts["reasons"][outcome.reason] += (
                        len(counts["reasons"]) < 1000 or outcome.reason in counts["reasons"]
                    )
                else:
                    counts["verdicts"][outcome.verdict] += 1
                    new += outcome.new
                    measured += outcome.verdict_by == "measured"
                on_progress(done)
        os.sync()  # the list names no copy that a power cut takes away
    if kept:
        raise kept[0]
    return CropSummary(
        dict(counts["outcomes"]),
        dict(counts["verdicts"]),
        measured,
        new,
        dict(counts["reasons"].most_common(5)),
        str(folder),
        str(folder / LIST),
    )


# in this process


def _refuse_originals(record: DatasetRecord, folder: Path) -> None:
    place = folder.resolve()
    for source in record.sources:
        if "://" not in source.uri and place.is_relative_to(Path(source.uri).resolve()):
            raise CroppingError(f"{folder} lies in {source.uri}, where the originals are; choose another folder")


def _prepare(folder: Path) -> None:
    """Make the folder, marked as one of copies where it holds nothing else: scans of folders above leave it out."""
    durable.make_folders(folder)
    if not any(folder.iterdir()):
        (folder / os.fsdecode(COPIES_MARK)).write_text(_MARK_TEXT)


@contextlib.contextmanager
def _interruption_kept() -> Iterator[list[BaseException]]:
    """What ends the work early, for later: the list of what was done is finished first."""
    kept: list[BaseException] = []
    try:
        yield kept
    except (KeyboardInterrupt, OSError) as error:
        kept.append(error)


def _jobs(record: DatasetRecord, profiles: "ds.Dataset", rules: RuleSet) -> Iterator[_Job]:
    available = profiles.schema.names
    columns = [*crop_columns(rules, available), "file", "status", "reason", "format", "sha256"]
    columns += ["image_width", "image_height"]
    renamed: set[str] = set()
    number = 0
    for _, batch in read_batches(profiles, columns):
        for row in batch.to_pylist():
            name, changed = _name(record, row["file"], row.get("format") or "")
            # Names are in order: the picture that has this name without a change comes later.
            taken = name in renamed
            if changed:
                renamed.add(name)
            yield _Job(number, row, "" if taken else name)
            number += 1


def _name(record: DatasetRecord, file: str, form: str) -> tuple[str, bool]:
    """Relative name of a copy, and whether an extension had to be added because its format is another one."""
    prefix = record.sources[0].prefix if len(record.sources) == 1 else ""
    name = file.removeprefix(f"{prefix}/") if prefix else file
    target = "PNG" if form in LOSSLESS else "JPEG"
    if name.rpartition(".")[2].lower() in _EXTENSIONS[target]:
        return name, False
    return f"{name}.{_EXTENSIONS[target][0]}", True


def _finished(job: _Job, future: Any, settings: Settings) -> CropOutcome:
    try:
        found: CropOutcome = future.result()
    except WorkerDiedError as error:
        limit = f"it took longer than {settings.image_timeout:g} s (BQAT_IMAGE_TIMEOUT)"
        found = _impossible(job, limit if error.timed_out else "the picture ended the process that read it")
    return found


def _in_order(outcomes: Iterator[tuple[_Job, CropOutcome]]) -> Iterator[CropOutcome]:
    waiting: dict[int, CropOutcome] = {}
    following = 0
    for job, outcome in outcomes:
        waiting[job.number] = outcome
        while following in waiting:
            yield waiting.pop(following)
            following += 1


# in the worker


def _crop_safely(job: _Job, work: _Work) -> CropOutcome:
    from bqat_pipeline.face.errors import SourceError

    try:
        with time_limit(work.seconds):
            return _crop(job, work)
    except SourceError as error:
        return _impossible(job, str(error))
    except MemoryError:
        return _impossible(job, "the picture takes more memory than a worker may have (BQAT_WORKER_MEMORY)")


def _crop(job: _Job, work: _Work) -> CropOutcome:
    row = job.row
    if row["status"] not in MEASURED:
        return _impossible(job, f"No crop: {row['reason'] or 'the face was not measured'}".rstrip(".") + ".")
    size = row["image_width"], row["image_height"]
    plan = plan_crop(work.rules, row, size)
    try:
        target = _target(work.folder, job.name)
        found = mark_of(target)
        exists = target.is_symlink() or target.exists()
    except (CroppingError, UnicodeEncodeError) as error:
        return _impossible(job, f"No crop: {error}.")
    except OSError as error:
        return _impossible_name(job, error)
    if exists and found is None:
        return _impossible(job, f"No crop: {job.name} is a file that was there before and is no crop.")
    if plan.crop is None:
        if exists:  # of other limits, or of an earlier state of the picture
            target.unlink(missing_ok=True)
        return _impossible(job, plan.reason)
    whole = (plan.crop.width, plan.crop.height) == size and plan.crop.angle == 0
    verdict = evaluate_row(work.rules, cropped(row, size, plan.crop)).overall
    planned = CropOutcome(row["file"], "as it is", "", job.name, plan.crop, verdict, "measured")
    if not whole:
        planned = replace(planned, outcome="cropped", verdict_by="calculated")
    # Only where all else passes: the engine is needed for those, and other windows cannot mend what is not of the crop.
    again = not whole and verdict == "pass" and work.record.options.engine == "bqat"
    windows = partial(_windows, work.rules, row, size, plan.crop) if again else None
    current = (outcome for outcome in _possible(planned, windows) if found == _mark(work, row["sha256"], outcome))
    if found and (kept := next(current, None)):
        return replace(kept, new=False)
    try:
        content = open_picture(work.record, row["file"], work.max_file_size)
    except OSError as error:
        return _impossible(job, f"No crop: the picture cannot be read: {error.strerror or error}.")
    if hashlib.sha256(content).hexdigest() != row["sha256"]:
        return _impossible(job, "No crop: the file has changed since it was scanned; scan it again.")
    made, outcome = _made(content, work, row["format"], planned, windows)
    try:
        durable.write(target, marked(made, _mark(work, row["sha256"], outcome)), sync_folder_too=False)
    except OSError as error:
        return _impossible_name(job, error)
    return outcome


def _windows(rules: RuleSet, row: dict[str, Any], size: tuple[int, int], crop: Crop) -> Iterator[Crop]:
    return chain([crop], other_crops(rules, row, size, crop))


def _possible(planned: CropOutcome, windows: Callable[[], Iterator[Crop]] | None) -> Iterator[CropOutcome]:
    """What an earlier call can have made of a picture; a copy that failed is not among them, and measured again."""
    if windows is None:
        yield planned
        return
    verdicts: tuple[Outcome, ...] = ("pass", "borderline", "not_assessed")
    for crop in windows():
        for verdict in verdicts:
            yield replace(planned, crop=crop, verdict=verdict, verdict_by="measured")


def _made(
    content: bytes, work: _Work, form: str, planned: CropOutcome, windows: Callable[[], Iterator[Crop]] | None
) -> tuple[bytes, CropOutcome]:
    """The file of a copy, and what is to be said of it: the bytes of the picture itself where it is a crop already."""
    from bqat_pipeline.face.picture.probe import probe

    upright = form in ("JPEG", "PNG") and probe(content, work.max_pixels).orientation == 1
    if planned.outcome == "as it is" and upright:
        return content, planned
    image = decoded(content, work.max_pixels)
    if windows is None:
        return encoded(cut_out(image, cast(Crop, planned.crop)), form), planned
    engine = engine_of_copies(work.record.options.confidence, work.max_pixels)
    best = best_copy(work.rules, windows(), lambda crop: encoded(cut_out(image, crop), form), engine.analyse)
    return best.copy, replace(planned, crop=best.crop, verdict=best.verdict, verdict_by="measured")


def _target(folder: Path, name: str) -> Path:
    """The place of a copy, proven to lie in the folder, also through links.

    Raises
    ------
    CroppingError : when it does not.
    """
    parts = name.split("/")
    if not name:
        raise CroppingError("another picture of the data set has the same name but for its extension")
    if any(part in ("", ".", "..") or "\0" in part for part in parts) or name.lower() == LIST:
        raise CroppingError("its name cannot be taken for a file here")
    target = folder.joinpath(*parts)
    if not target.parent.resolve().is_relative_to(folder):
        raise CroppingError("its folder leads out of the folder of the crops")
    return target


def _mark(work: _Work, sha256: str | None, outcome: CropOutcome) -> str:
    """What a copy was made from; of one that was measured also by what, and its verdict."""
    from bqat_pipeline.face import ENGINE_VERSION

    crop = cast(Crop, outcome.crop)
    cut = [round(value, 3) for corner in crop.corners for value in corner]
    made: list[object] = [_VERSION, sha256, cut, crop.width, crop.height]
    if outcome.outcome == "cropped" and outcome.verdict_by == "measured":
        made += [work.rules.digest, ENGINE_VERSION, outcome.verdict]
    return hashlib.sha256(json.dumps(made).encode()).hexdigest()


def _impossible(job: _Job, reason: str) -> CropOutcome:
    return CropOutcome(job.row["file"], "not possible", reason)


def _impossible_name(job: _Job, error: OSError) -> CropOutcome:
    if error.errno not in _FAULTS_OF_NAMES:
        raise error
    return _impossible(job, f"No crop: its name cannot be taken for a file here: {error.strerror}.")
