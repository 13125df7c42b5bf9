"""The engine that a data set's options ask for."""

from dataclasses import dataclass, replace
from functools import cache
from typing import cast

from bqat_pipeline.datasets import ScanOptions
from bqat_pipeline.engines import Engine, EngineUnavailableError, ExternalOptions, engine_for
from bqat_pipeline.execution.chunks import EngineSpec, RowEngine
from bqat_pipeline.settings import Settings, settings

# Defaults of the BQAT API.
_CONFIDENCE = 0.7
_FUSION = 6


def engine_spec(options: ScanOptions, chosen: Settings) -> EngineSpec:
    """What must be known to open the engine of a data set, on any machine."""
    return EngineSpec(
        engine=options.engine,
        fusion=options.fusion or _FUSION,
        confidence=_CONFIDENCE if options.confidence is None else options.confidence,
        max_pixels=chosen.max_pixels,
        max_file_size=int(chosen.max_file_size),
    )


@dataclass(frozen=True)
class InstalledEngines:
    """The engines of this installation, by name."""

    def fingerprint(self, spec: EngineSpec) -> str:
        """Fingerprint of an engine, without loading its models.

        Raises
        ------
        EngineUnavailableError : when the engine is not installed here.
        """
        return _fingerprint(spec)

    def open(self, spec: EngineSpec) -> RowEngine:
        """An engine with its models loaded, or about to be.

        Raises
        ------
        EngineUnavailableError : when the engine is not installed here.
        """
        if spec.engine == "bqat":
            from bqat_pipeline.face import EngineOptions, FaceEngine

            options = EngineOptions(
                confidence=spec.confidence, max_pixels=spec.max_pixels, max_file_size=spec.max_file_size
            )
            return cast(RowEngine, FaceEngine(options))
        return cast(RowEngine, _engine(spec))


@cache
def _fingerprint(spec: EngineSpec) -> str:
    return _engine(spec).fingerprint


def missing_engine(spec: EngineSpec) -> str | None:
    """What is missing of an engine on this machine, in a sentence; None when it can be used."""
    try:
        return _named_engine(spec).available()
    except EngineUnavailableError as error:
        return str(error)


def _named_engine(spec: EngineSpec) -> Engine:
    here = ExternalOptions.of(settings(), fusion=spec.fusion, confidence=spec.confidence)
    return engine_for(spec.engine, replace(here, max_pixels=spec.max_pixels, max_file_size=spec.max_file_size))


def _engine(spec: EngineSpec) -> Engine:
    engine = _named_engine(spec)
    if missing := engine.available():
        raise EngineUnavailableError(missing)
    return engine


INSTALLED = InstalledEngines()
