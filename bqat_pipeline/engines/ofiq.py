"""OFIQ, the reference implementation of ISO/IEC 29794-5: as the Python package `ofiq`, else as OFIQSampleApp.

Its models are not ours to give: the user fetches them with OFIQ's own means; this module never downloads anything.
"""

import hashlib
import importlib
import importlib.util
import os
import tempfile
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from bqat_pipeline.engines import pictures
from bqat_pipeline.engines.base import EngineFailedError, EngineSpec, Programs, Row, Source, require
from bqat_pipeline.engines.ofiq_names import ResultTableError, columns_of, is_empty, parse_table
from bqat_pipeline.engines.process import ProgramFailedError, find_program, run, survivors, time_for

_CONFIGURATION = "ofiq_config.jaxn"
_INSTALL = (
    "install it with `pip install python-ofiq` and `python-ofiq setup` (fetches OFIQ's models), or put OFIQSampleApp "
    "on the PATH (BQAT_OFIQ_APP) and name the folder of its configuration and models (BQAT_OFIQ_DATA)"
)


class OfiqEngine:
    """Rows with OFIQ's native and component values.

    Parameters
    ----------
    spec : Choices that affect rows.
    programs : What this machine has.
    """

    def __init__(self, spec: EngineSpec, programs: Programs) -> None:
        self.spec = spec
        self.programs = programs

    @property
    def data(self) -> Path:
        """Folder of OFIQ's configuration and models."""
        named = self.programs.ofiq_data or os.environ.get("OFIQ_DATA_DIR") or "~/.ofiq/data"
        return Path(named).expanduser()

    def missing(self) -> str | None:
        """None when OFIQ can be used here, else what is missing and how to install it."""
        if not _has_package() and find_program(self.programs.ofiq_app) is None:
            return f"engine `ofiq` is not installed here: {_INSTALL}"
        if not (self.data / _CONFIGURATION).is_file():
            return f"engine `ofiq` has no {_CONFIGURATION} in {self.data}: {_INSTALL}"
        return None

    @cached_property
    def fingerprint(self) -> str:
        """Digest of program or package version, configuration, and names and sizes of the models."""
        require(self)
        digest = hashlib.sha256()
        if _has_package():
            ofiq = _module()
            digest.update(f"package {ofiq.__version__} {getattr(ofiq, '__ofiq_version__', '')}".encode())
        else:
            program = find_program(self.programs.ofiq_app)
            digest.update(Path(program).read_bytes() if program else b"")
        digest.update((self.data / _CONFIGURATION).read_bytes())
        for model in sorted(p for p in (self.data / "models").rglob("*") if p.is_file()):
            digest.update(f"{model.relative_to(self.data).as_posix()} {model.stat().st_size}\n".encode())
        return f"ofiq-{digest.hexdigest()[:16]}"

    def analyse(self, source: Source) -> Row:
        """The row of one picture; see ``analyse_batch``."""
        return self.analyse_batch([source])[0]

    def analyse_batch(self, sources: Sequence[Source]) -> list[Row]:
        """One row for each source, in order; never raises for a bad picture.

        Raises
        ------
        EngineUnavailableError : when OFIQ is not installed here.
        EngineFailedError : when it is and does not work.
        """
        require(self)
        if _has_package():
            return [self._by_package(pictures.read(source, self.spec)) for source in sources]
        return self._by_program(sources)

    # package

    @cached_property
    def _package(self) -> Any:
        ofiq = _module()
        try:
            return ofiq.OFIQ(str(self.data))
        except ofiq.OFIQError as error:
            raise EngineFailedError(f"OFIQ does not start with the models in {self.data}: {error}") from error

    def _by_package(self, picture: pictures.Picture) -> Row:
        if picture.image is None:
            return picture.row | columns_of({})
        package, ofiq = self._package, _module()
        try:
            found = package.vector_quality(picture.image, include_raw=True)
        except ofiq.FaceDetectionError:
            return picture.row | columns_of({}) | _no_face()
        except ofiq.LandmarkError as error:
            reason = pictures.failed("no_landmarks", "no_landmarks", f"OFIQ could not fit landmarks: {error}")
            return picture.row | columns_of({}) | reason
        except ofiq.OFIQError as error:
            return picture.row | columns_of({}) | pictures.failed("crashed", "engine_error", f"OFIQ: {error}")
        measures = {name: (m["raw"], m["scalar"]) for name, m in found.items() if m is not None}
        return picture.row | _with_status(columns_of(measures))

    # program

    def _by_program(self, sources: Sequence[Source]) -> list[Row]:
        with tempfile.TemporaryDirectory(prefix="bqat-ofiq-") as name:
            folder = Path(name)
            rows: list[Row] = []
            staged: dict[Path, int] = {}
            for number, source in enumerate(sources):
                picture = pictures.read(source, self.spec)
                rows.append(picture.row | columns_of({}))
                if picture.image is not None:
                    staged[pictures.stage(picture.image, folder, number)] = number
            try:
                results = survivors(list(staged), lambda part: self._run(part, folder), _blame)
            except ProgramFailedError as error:
                raise EngineFailedError(f"OFIQ does not work: {error}") from error
            for path, number in staged.items():
                rows[number] |= results[path]
        return rows

    def _run(self, batch: Sequence[Path], folder: Path) -> dict[Path, Row]:
        inputs, table = folder / "inputs.txt", folder / "results.csv"
        inputs.write_text("".join(f"{path}\n" for path in batch))
        table.unlink(missing_ok=True)
        program = find_program(self.programs.ofiq_app) or self.programs.ofiq_app
        command: list[str | Path] = [program, "-c", self.data, "-cf", _CONFIGURATION, "-i", inputs, "-o", table]
        run(command, folder, time_for(len(batch), self.programs.image_timeout))
        try:
            found = parse_table(table.read_text(errors="replace"))
        except (FileNotFoundError, ResultTableError) as error:
            raise ProgramFailedError(f"{program} left no table of results ({error})", timed_out=False) from error
        return {path: _with_status(found.get(str(path)) or columns_of({})) for path in batch}


def _has_package() -> bool:
    return importlib.util.find_spec("ofiq") is not None


def _module() -> Any:
    try:
        return importlib.import_module("ofiq")
    except ImportError as error:
        raise EngineFailedError(f"the package python-ofiq is installed and cannot be imported: {error}") from error


def _with_status(row: Row) -> Row:
    if is_empty(row):
        return row | _no_face()
    if (row["single_face_present"] or 0) > 0:
        sentence = "several faces were found; the largest one was measured"
        return row | pictures.failed("multiple_faces", "multiple_faces", sentence)
    return row | pictures.measured()


def _no_face() -> Row:
    return pictures.failed("no_face", "no_face", "OFIQ could not assess the picture: no face, or no landmarks on it")


def _blame(error: ProgramFailedError) -> Row:
    if error.timed_out:
        return pictures.failed("timeout", "timeout", "OFIQ took longer than the limit (BQAT_IMAGE_TIMEOUT)")
    return pictures.failed("crashed", "crashed", str(error))
