"""A picture becomes a row: decode, find faces, fit landmarks, measure.

>>> from bqat_pipeline.face import FaceEngine
>>> engine = FaceEngine()
>>> row = engine.analyse("portrait.jpg")  # doctest: +SKIP
"""

from bqat_pipeline.face.engine import ENGINE_VERSION, FaceEngine, fingerprint
from bqat_pipeline.face.errors import ModelError, SourceError
from bqat_pipeline.face.options import EngineOptions

# Module that a forkserver preloads so that workers start with OpenCV and Pillow imported.
PRELOAD = "bqat_pipeline.face.analysis"

__all__ = ["ENGINE_VERSION", "PRELOAD", "EngineOptions", "FaceEngine", "ModelError", "SourceError", "fingerprint"]
