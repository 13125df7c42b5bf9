"""Engines behind one contract: our own, OFIQ, BIQT, and several at once.

>>> from bqat_pipeline.engines import engine_for
>>> engine = engine_for("ofiq")
>>> engine.available() or engine.analyse_batch(["portrait.jpg"])  # doctest: +SKIP
"""

from bqat_pipeline.engines.base import Engine, EngineFailedError, EngineUnavailableError, ExternalOptions
from bqat_pipeline.engines.biqt import BiqtEngine
from bqat_pipeline.engines.fusion import CODES, FusionEngine
from bqat_pipeline.engines.ofiq import OfiqEngine
from bqat_pipeline.engines.own import OwnEngine

ENGINES = ("bqat", "ofiq", "biqt", "fusion")


def engine_for(name: str, options: ExternalOptions | None = None) -> Engine:
    """The engine of a name, whether it is installed or not (``available`` says so); nothing is loaded yet.

    Raises
    ------
    EngineUnavailableError : when there is no such engine, or a fusion is not of two or three of them.
    """
    options = options or ExternalOptions()
    match name:
        case "bqat":
            return OwnEngine(options)
        case "ofiq":
            return OfiqEngine(options)
        case "biqt":
            return BiqtEngine(options)
        case "fusion":
            members = [member for member, code in CODES.items() if options.fusion & code]
            if len(members) < 2 or options.fusion > sum(CODES.values()):
                raise EngineUnavailableError(
                    f"fusion is {options.fusion}; it must be 3, 5, 6 or 7 (bqat 4, ofiq 2, biqt 1)"
                )
            return FusionEngine({member: engine_for(member, options) for member in members})
    raise EngineUnavailableError(f"there is no engine {name!r}; known are {', '.join(ENGINES)}")


__all__ = [
    "ENGINES",
    "Engine",
    "EngineFailedError",
    "EngineUnavailableError",
    "ExternalOptions",
    "engine_for",
]
