"""Engines behind one contract: our own, OFIQ, BIQT, and several at once.

>>> from bqat_pipeline.engines import EngineSpec, open_engine
>>> engine = open_engine(EngineSpec("ofiq"))
>>> engine.missing() or engine.analyse_batch(["portrait.jpg"])  # doctest: +SKIP
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from bqat_pipeline.columns import FUSION_CODES, EngineName
from bqat_pipeline.engines.base import Engine, EngineFailedError, EngineSpec, EngineUnavailableError, Programs
from bqat_pipeline.engines.biqt import BiqtEngine
from bqat_pipeline.engines.fusion import FusionEngine
from bqat_pipeline.engines.ofiq import OfiqEngine
from bqat_pipeline.face import EngineOptions, FaceEngine
from bqat_pipeline.settings import settings


@dataclass(frozen=True, slots=True)
class EngineKind:
    """How an engine is opened and worked with.

    Attributes
    ----------
    open : The engine of a specification, with the programs of this machine; nothing is loaded yet.
    in_batches : Whether a scan gives it whole chunks, as its start costs more than a picture. It then has to limit the
        time of a picture by itself.
    """

    open: Callable[[EngineSpec, Programs], Engine]
    in_batches: bool = True


def open_engine(spec: EngineSpec, programs: Programs | None = None) -> Engine:
    """The engine of a specification, whether it is installed or not (``missing`` says so); nothing is loaded yet.

    Parameters
    ----------
    programs : Default: those that the settings of this machine name.

    Raises
    ------
    EngineUnavailableError : when there is no such engine, or a fusion is not of two or three of them.
    """
    kind = ENGINES.get(spec.name)
    if kind is None:
        raise EngineUnavailableError(f"there is no engine {spec.name!r}; known are {', '.join(ENGINES)}")
    return kind.open(spec, programs or Programs.of(settings()))


def missing_engine(spec: EngineSpec) -> str | None:
    """What is missing here of an engine, or wrong in its choices, in a sentence; None when it can be used."""
    try:
        return open_engine(spec).missing()
    except ValueError as error:
        return str(error)


def _open_bqat(spec: EngineSpec, programs: Programs) -> Engine:
    return FaceEngine(EngineOptions(spec.confidence, spec.max_pixels, spec.max_file_size, spec.background))


def _open_fusion(spec: EngineSpec, programs: Programs) -> Engine:
    members = [name for name, code in FUSION_CODES.items() if spec.fusion & code]
    if len(members) < 2 or spec.fusion > sum(FUSION_CODES.values()):
        raise EngineUnavailableError(f"fusion is {spec.fusion}; it must be 3, 5, 6 or 7 (bqat 4, ofiq 2, biqt 1)")
    return FusionEngine({name: open_engine(replace(spec, name=name), programs) for name in members})


ENGINES: Mapping[EngineName, EngineKind] = {
    "bqat": EngineKind(_open_bqat, in_batches=False),
    "ofiq": EngineKind(OfiqEngine),
    "biqt": EngineKind(BiqtEngine),
    "fusion": EngineKind(_open_fusion),
}


__all__ = [
    "ENGINES",
    "Engine",
    "EngineFailedError",
    "EngineKind",
    "EngineSpec",
    "EngineUnavailableError",
    "Programs",
    "missing_engine",
    "open_engine",
]
