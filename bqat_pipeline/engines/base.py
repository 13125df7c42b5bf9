"""What an engine is to the rest: sources in, rows out, in batches."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from bqat_pipeline.columns import DEFAULT_FUSION, EngineName
from bqat_pipeline.datasets.records import ScanOptions
from bqat_pipeline.face import EngineOptions
from bqat_pipeline.settings import Settings

Source = str | Path | bytes
Row = dict[str, Any]


class EngineUnavailableError(ValueError):
    """The engine is not installed here; the message says how to install it."""


class EngineFailedError(RuntimeError):
    """An installed engine does not work (wrong configuration, missing models); the message holds its last words."""


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """Which engine, with the choices that affect its rows: the same on every machine that takes part in a scan.

    Attributes
    ----------
    fusion : For ``fusion``: sum of 4 (bqat), 2 (ofiq), 1 (biqt).
    confidence : Detector score of ``bqat``, by itself and within a fusion.
    max_pixels, max_file_size : Larger pictures and files (bytes) become rows with status ``too_large``.
    background : Whether ``bqat`` tells the person from the background.
    """

    name: EngineName = "bqat"
    fusion: int = DEFAULT_FUSION
    confidence: float = EngineOptions.confidence
    max_pixels: int = EngineOptions.max_pixels
    max_file_size: int = EngineOptions.max_file_size
    background: bool = EngineOptions.background

    @classmethod
    def of(cls, options: ScanOptions, settings: Settings) -> "EngineSpec":
        """The engine that a data set's options ask for, within the limits of the settings."""
        return cls(
            name=options.engine,
            fusion=options.fusion or DEFAULT_FUSION,
            confidence=EngineOptions.confidence if options.confidence is None else options.confidence,
            max_pixels=settings.max_pixels,
            max_file_size=int(settings.max_file_size),
            background=settings.background,
        )


@dataclass(frozen=True, slots=True)
class Programs:
    """What this machine has of external engines; each machine that takes part in a scan has its own.

    Attributes
    ----------
    ofiq_app : OFIQSampleApp, a name on the PATH or a path.
    ofiq_data : Folder with OFIQ's configuration and models; empty: ``OFIQ_DATA_DIR``, then ``~/.ofiq/data``.
    biqt_app : The biqt program, a name on the PATH or a path.
    image_timeout : Seconds for one picture, on average of a batch.
    """

    ofiq_app: str = "OFIQSampleApp"
    ofiq_data: str = ""
    biqt_app: str = "biqt"
    image_timeout: float = 30.0

    @classmethod
    def of(cls, settings: Settings) -> "Programs":
        """The programs that the settings of this machine name."""
        return cls(settings.ofiq_app, settings.ofiq_data, settings.biqt_app, settings.image_timeout)


class Engine(Protocol):
    """Turns pictures into rows. Nothing is loaded or started before the first batch; nothing is ever downloaded."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever rows may change; the same on every machine with the same installation.

        Raises
        ------
        EngineUnavailableError : when the engine is not installed here.
        """
        ...

    def missing(self) -> str | None:
        """None when the engine can be used here, else a sentence that says what is missing and how to install it."""
        ...

    def analyse_batch(self, sources: Sequence[Source]) -> list[Row]:
        """One row for each source, in order: identity, status and the engine's columns. Never raises for a bad picture.

        Parameters
        ----------
        sources : Paths of files, or their bytes; none: the engine makes itself ready, or says why it cannot.

        Raises
        ------
        EngineUnavailableError : when the engine is not installed here.
        EngineFailedError : when it is installed and does not work at all.
        """
        ...

    def analyse(self, source: Source) -> Row:
        """The row of one picture; batches are much faster for engines that are programs."""
        ...


def require(engine: Engine) -> None:
    """Refuse an engine that cannot be used here.

    Raises
    ------
    EngineUnavailableError : that says what is missing and how to install it.
    """
    if missing := engine.missing():
        raise EngineUnavailableError(missing)
