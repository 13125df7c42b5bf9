"""What an engine is to the rest: sources in, rows out, in batches."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from bqat_pipeline.settings import Settings

Source = str | Path | bytes
Row = dict[str, Any]


class EngineUnavailableError(ValueError):
    """The engine is not installed here; the message says how to install it."""


class EngineFailedError(RuntimeError):
    """An installed engine does not work (wrong configuration, missing models); the message holds its last words."""


@dataclass(frozen=True, slots=True)
class ExternalOptions:
    """Choices and places of external engines.

    Attributes
    ----------
    fusion : For ``fusion``: sum of 4 (bqat), 2 (ofiq), 1 (biqt).
    confidence : Detector score of our own engine within a fusion.
    max_pixels, max_file_size : Larger pictures and files (bytes) become rows with status ``too_large``.
    image_timeout : Seconds for one picture, on average of a batch.
    ofiq_app : OFIQSampleApp, a name on the PATH or a path.
    ofiq_data : Folder with OFIQ's configuration and models; empty: ``OFIQ_DATA_DIR``, then ``~/.ofiq/data``.
    biqt_app : The biqt program, a name on the PATH or a path.
    """

    fusion: int = 6
    confidence: float = 0.7
    max_pixels: int = 64_000_000
    max_file_size: int = 200_000_000
    image_timeout: float = 30.0
    ofiq_app: str = "OFIQSampleApp"
    ofiq_data: str = ""
    biqt_app: str = "biqt"

    @classmethod
    def of(cls, settings: Settings, *, fusion: int = 6, confidence: float = 0.7) -> "ExternalOptions":
        """The options that the settings of this machine and the choices of a data set make."""
        return cls(
            fusion=fusion,
            confidence=confidence,
            max_pixels=settings.max_pixels,
            max_file_size=int(settings.max_file_size),
            image_timeout=settings.image_timeout,
            ofiq_app=settings.ofiq_app,
            ofiq_data=settings.ofiq_data,
            biqt_app=settings.biqt_app,
        )


class Engine(Protocol):
    """Turns pictures into rows. Nothing is loaded or started before the first batch; nothing is ever downloaded."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever rows may change; the same on every machine with the same installation."""
        ...

    def available(self) -> str | None:
        """None when the engine can be used here, else a sentence that says what is missing and how to install it."""
        ...

    def analyse_batch(self, sources: Sequence[Source]) -> list[Row]:
        """One row for each source, in order: identity, status and the engine's columns. Never raises for a bad picture.

        Parameters
        ----------
        sources : Paths of files, or their bytes.

        Raises
        ------
        EngineUnavailableError : when the engine is not installed here.
        EngineFailedError : when it is installed and does not work at all.
        """
        ...

    def analyse(self, source: Source) -> Row:
        """The row of one picture; batches are much faster for engines that are programs."""
        ...
