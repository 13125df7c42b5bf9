"""The engine's public interface. Importing and creating it are cheap; the first picture loads the nets (0.1 s)."""

import errno
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache, cached_property
from importlib import metadata
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from bqat_pipeline.face.options import EngineOptions

if TYPE_CHECKING:
    from bqat_pipeline.face.analysis import Analyser, Source
    from bqat_pipeline.face.context import FaceContext

# Raise it when a change of code changes rows: models, tables, libraries and options are in the fingerprint anyway.
ENGINE_VERSION = 7
_LIBRARIES = ("ai-edge-litert", "numpy", "opencv-python-headless", "pillow")


class FaceEngine:
    """Turns pictures into rows.

    >>> from bqat_pipeline.face import FaceEngine
    >>> engine = FaceEngine()
    >>> row = engine.analyse("portrait.jpg")  # doctest: +SKIP

    Threads may share an engine but gain no speed, because one of them works at a time. To use more cores, start more
    processes with one engine in each. An engine sets OpenCV to one thread for the whole process.

    Parameters
    ----------
    options : Choices that affect rows.
    """

    def __init__(self, options: EngineOptions | None = None) -> None:
        self.options = options or EngineOptions()
        self.fingerprint = fingerprint(self.options)

    def missing(self) -> str | None:
        """None: all that this engine needs is installed with the package."""
        return None

    def analyse_batch(self, sources: "Sequence[Source]") -> list[dict[str, object]]:
        """The rows of several pictures, in order; a path without a file gives a row too. An empty batch loads the nets.

        Raises
        ------
        ModelError, TypeError : as for ``analyse``.
        """
        analyser = self._analyser
        return [analyser.row(source) for source in sources]

    def analyse(self, source: "Source") -> dict[str, object]:
        """The row of a picture. A file that exists but cannot be read gives a row that says so, not an exception.

        Parameters
        ----------
        source : Path of a file, a file's bytes (``bytes``, ``bytearray``, ``memoryview``), a Pillow image, or an
            (H, W[, 3 or 4]) array of RGB, uint8 or uint16.

        Returns
        -------
        dict : Every column of ``bqat_pipeline.columns.FACE`` except ``file``, ``folder``, ``file_size``, ``modified``,
            ``verdict`` and ``verdict_reasons``, in that order; Python values, floats rounded to 6 significant digits,
            None where not computable. ``status`` says whether the picture was read and a face was measured.

        Raises
        ------
        FileNotFoundError : when there is no file at the path; ``analyse_batch`` returns a row for it (``vanished``).
        ModelError : when a model file is missing or has another digest than the known one.
        TypeError : for a source of another type, an open file for example.
        """
        if isinstance(source, str | os.PathLike) and _is_missing(source):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), os.fspath(source))
        return self._analyser.row(source)

    def context(self, source: "Source") -> "FaceContext":
        """Image, boxes, landmarks and what is derived from them, for drawings and for inspection.

        Raises
        ------
        SourceError : when the source cannot be read as a picture.
        TypeError : when the source has a type that ``analyse`` does not accept.
        """
        return self._analyser.context(source)

    @cached_property
    def _analyser(self) -> "Analyser":
        from bqat_pipeline.face.analysis import Analyser

        return Analyser(self.options)


def _is_missing(path: str | os.PathLike[str]) -> bool:
    try:
        Path(path).stat()
    except FileNotFoundError:
        return True
    except (OSError, ValueError):  # an unreadable file is described by a row
        return False
    return False


def fingerprint(options: EngineOptions | None = None) -> str:
    """Digest, 16 hexadecimal digits, of all that affects rows: code version, models, tables, libraries, options."""
    from bqat_pipeline.face.nets.models import MODELS

    data = files("bqat_pipeline.face") / "data"
    parts = {
        "engine": ENGINE_VERSION,
        "models": [model.sha256 for model in MODELS],
        "tables": {
            table.name: hashlib.sha256(table.read_bytes()).hexdigest()
            for table in sorted(data.iterdir(), key=lambda t: t.name)
            if table.is_file()
        },
        "libraries": {name: _version(name) for name in _LIBRARIES},
        "options": _choices(options or EngineOptions()),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def _choices(options: EngineOptions) -> dict[str, object]:
    choices = asdict(options)
    if options.background:  # an option that came later: data sets scanned before it keep their fingerprint
        del choices["background"]
    return choices


@cache  # of what this process has imported; looking seven of them up takes 15 ms
def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "unknown"
