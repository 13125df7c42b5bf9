"""The engine that a data set's options ask for."""

from dataclasses import dataclass
from typing import cast

from bqat_pipeline.datasets import ScanOptions
from bqat_pipeline.execution.chunks import EngineSpec, RowEngine
from bqat_pipeline.face import EngineOptions, FaceEngine
from bqat_pipeline.face.engine import fingerprint
from bqat_pipeline.settings import Settings

# Defaults of the BQAT API.
_CONFIDENCE = 0.7
_FUSION = 6


def engine_spec(options: ScanOptions, settings: Settings) -> EngineSpec:
    """What must be known to open the engine of a data set, on any machine."""
    return EngineSpec(
        engine=options.engine,
        fusion=options.fusion or _FUSION,
        confidence=_CONFIDENCE if options.confidence is None else options.confidence,
        max_pixels=settings.max_pixels,
        max_file_size=int(settings.max_file_size),
    )


class EngineUnavailableError(ValueError):
    """The engine is not installed here."""


@dataclass(frozen=True)
class InstalledEngines:
    """The engines of this installation, by name."""

    def fingerprint(self, spec: EngineSpec) -> str:
        """Fingerprint of an engine, without loading its models.

        Raises
        ------
        EngineUnavailableError : when there is no such engine here.
        """
        self._check(spec)
        return fingerprint(self._options(spec))

    def open(self, spec: EngineSpec) -> RowEngine:
        """An engine with its models loaded.

        Raises
        ------
        EngineUnavailableError : when there is no such engine here.
        """
        self._check(spec)
        return cast(RowEngine, FaceEngine(self._options(spec)))

    @staticmethod
    def _options(spec: EngineSpec) -> EngineOptions:
        return EngineOptions(confidence=spec.confidence, max_pixels=spec.max_pixels, max_file_size=spec.max_file_size)

    @staticmethod
    def _check(spec: EngineSpec) -> None:
        if spec.engine != "bqat":
            raise EngineUnavailableError(f"engine {spec.engine!r} is not installed; take `bqat`")


INSTALLED = InstalledEngines()
