"""Columns of our own helper measures. Never stored under a standard's name, never part of the wire record."""

from bqat_pipeline.columns.auxiliary.background import BACKGROUND
from bqat_pipeline.columns.auxiliary.detail import DETAIL
from bqat_pipeline.columns.auxiliary.eyes_mouth import EYES_MOUTH
from bqat_pipeline.columns.auxiliary.faces import FACES
from bqat_pipeline.columns.auxiliary.framing import FRAMING
from bqat_pipeline.columns.auxiliary.geometry import GEOMETRY
from bqat_pipeline.columns.auxiliary.light import LIGHT
from bqat_pipeline.columns.auxiliary.likeness import LIKENESS
from bqat_pipeline.columns.auxiliary.recognition import RECOGNITION

AUX = (*FACES, *EYES_MOUTH, *GEOMETRY, *FRAMING, *LIGHT, *BACKGROUND, *DETAIL, *RECOGNITION, *LIKENESS)
