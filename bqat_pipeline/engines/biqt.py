"""BIQT Face: the program `biqt` with the provider BIQTFace, one run for a batch."""

import csv
import hashlib
import io
import os
import tempfile
from collections.abc import Sequence
from functools import cached_property
from math import isfinite
from pathlib import Path

from bqat_pipeline.columns.external import BIQT
from bqat_pipeline.engines import pictures
from bqat_pipeline.engines.base import EngineFailedError, EngineSpec, Programs, Row, Source, require
from bqat_pipeline.engines.process import ProgramFailedError, find_program, run, survivors, time_for

_PROVIDER = "BIQTFace"
_NAMES = tuple(column.name for column in BIQT)
# BIQT writes -1 for what it did not find; for these -1 is a value.
_MAY_BE_NEGATIVE = frozenset({"sap_code", "opencv_face_offset_x", "opencv_face_offset_y"})
_INSTALL = (
    "build and install BIQT and its provider BIQTFace (github.com/mitre/biqt, github.com/mitre/biqt-face), put `biqt` "
    "on the PATH (BQAT_BIQT_APP) and set BIQT_HOME"
)


class BiqtEngine:
    """Rows with the metrics and features of BIQT Face.

    Parameters
    ----------
    spec : Choices that affect rows.
    programs : What this machine has.
    """

    def __init__(self, spec: EngineSpec, programs: Programs) -> None:
        self.spec = spec
        self.programs = programs

    def missing(self) -> str | None:
        """None when BIQT can be used here, else what is missing and how to install it."""
        if find_program(self.programs.biqt_app) is None:
            return f"engine `biqt` is not installed here: {_INSTALL}"
        if not os.environ.get("BIQT_HOME"):
            return f"engine `biqt` needs the environment variable BIQT_HOME: {_INSTALL}"
        return None

    @cached_property
    def fingerprint(self) -> str:
        """Digest of the program and of its provider's descriptor, which holds the version."""
        require(self)
        digest = hashlib.sha256(Path(find_program(self.programs.biqt_app) or "").read_bytes())
        descriptor = Path(os.environ["BIQT_HOME"], "providers", _PROVIDER, "descriptor.json")
        digest.update(descriptor.read_bytes() if descriptor.is_file() else b"")
        return f"biqt-{digest.hexdigest()[:16]}"

    def analyse(self, source: Source) -> Row:
        """The row of one picture; see ``analyse_batch``."""
        return self.analyse_batch([source])[0]

    def analyse_batch(self, sources: Sequence[Source]) -> list[Row]:
        """One row for each source, in order; never raises for a bad picture.

        Raises
        ------
        EngineUnavailableError : when BIQT is not installed here.
        EngineFailedError : when it is and does not work.
        """
        require(self)
        with tempfile.TemporaryDirectory(prefix="bqat-biqt-") as name:
            folder = Path(name)
            rows: list[Row] = []
            staged: dict[Path, int] = {}
            for number, source in enumerate(sources):
                picture = pictures.read(source, self.spec)
                rows.append(picture.row | dict.fromkeys(_NAMES))
                if picture.image is not None:
                    staged[pictures.stage(picture.image, folder, number)] = number
            try:
                results = survivors(list(staged), lambda part: self._run(part, folder), _blame)
            except ProgramFailedError as error:
                raise EngineFailedError(f"BIQT does not work: {error}") from error
            for path, number in staged.items():
                rows[number] |= results[path]
        return rows

    def _run(self, batch: Sequence[Path], folder: Path) -> dict[Path, Row]:
        inputs = folder / "inputs.txt"
        inputs.write_text("".join(f"{path}\n" for path in batch))
        program = find_program(self.programs.biqt_app) or self.programs.biqt_app
        output = run(
            [program, "-p", _PROVIDER, "-f", "text", "-l", inputs],
            folder,
            time_for(len(batch), self.programs.image_timeout),
        )
        found = parse_output(output)
        if not found:
            raise ProgramFailedError(f"{program} gave no result", timed_out=False)
        return {path: _with_status(found.get(str(path))) for path in batch}


def parse_output(text: str) -> dict[str, Row]:
    """File name, as given to BIQT, to columns of its first detection.

    Lines are ``Provider,Image,Detection,AttributeType,Key,Value``; the header is repeated for each image, and
    providers may write other lines in between, which are passed over.
    """
    rows: dict[str, Row] = {}
    for line in csv.reader(io.StringIO(text)):
        if len(line) != 6 or line[0] != _PROVIDER or line[2] != "1" or line[4] not in _NAMES:
            continue
        row = rows.setdefault(line[1], dict.fromkeys(_NAMES))
        row[line[4]] = _value(line[4], line[5])
    return rows


def _value(name: str, text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    if not isfinite(number) or (number == -1 and name not in _MAY_BE_NEGATIVE):
        return None
    return float(f"{number * 10 if name == 'quality' else number:.6g}")


def _with_status(row: Row | None) -> Row:
    if row is None:
        return pictures.failed("crashed", "engine_error", "BIQT gave no result for the picture")
    if not row["opencv_face_found"] and not row["openbr_confidence"]:
        return row | pictures.failed("no_face", "no_face", "BIQT found no face in the picture")
    return row | pictures.measured()


def _blame(error: ProgramFailedError) -> Row:
    if error.timed_out:
        return pictures.failed("timeout", "timeout", "BIQT took longer than the limit (BQAT_IMAGE_TIMEOUT)")
    return pictures.failed("crashed", "crashed", str(error))
