"""Our own engine behind the contract of all engines, for fusion."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from bqat_pipeline.engines.base import ExternalOptions, Row, Source

if TYPE_CHECKING:
    from bqat_pipeline.face import EngineOptions, FaceEngine


class OwnEngine:
    """Rows of ``bqat_pipeline.face.FaceEngine``, which is loaded with the first batch.

    Parameters
    ----------
    options : Choices and places.
    """

    def __init__(self, options: ExternalOptions) -> None:
        self.options = options

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the face engine."""
        from bqat_pipeline.face import fingerprint

        return fingerprint(self._options)

    def available(self) -> str | None:
        """None: it is always there."""
        return None

    def analyse(self, source: Source) -> Row:
        """The row of one picture; never raises for a bad one."""
        return dict(self._engine.analyse(source))

    def analyse_batch(self, sources: Sequence[Source]) -> list[Row]:
        """One row for each source, in order."""
        return [self.analyse(source) for source in sources]

    @property
    def _options(self) -> "EngineOptions":
        from bqat_pipeline.face import EngineOptions

        o = self.options
        return EngineOptions(confidence=o.confidence, max_pixels=o.max_pixels, max_file_size=o.max_file_size)

    @cached_property
    def _engine(self) -> "FaceEngine":
        from bqat_pipeline.face import FaceEngine

        return FaceEngine(self._options)
