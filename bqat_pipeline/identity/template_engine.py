"""An engine in the sense of ``bqat_pipeline.engines`` whose rows are templates: it runs where measuring runs."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from bqat_pipeline.engines.base import EngineSpec, EngineUnavailableError
from bqat_pipeline.face import EngineOptions, FaceEngine, SourceError
from bqat_pipeline.face.picture.source import read_bytes
from bqat_pipeline.identity.chip import chip_of
from bqat_pipeline.identity.errors import IdentityError
from bqat_pipeline.identity.fingerprint import FINGERPRINT
from bqat_pipeline.identity.network import Embedder, model_path
from bqat_pipeline.identity.reasons import MAX_YAW, MIN_EYE_DISTANCE

Row = dict[str, Any]
Source = str | Path | bytes


@dataclass(frozen=True)
class TemplateEngines:
    """Opens the engine in each process that takes part in a run; equal ones are one to a worker's cache.

    Attributes
    ----------
    model : Path of the model file; empty: the extra's, wherever the process has it.
    """

    model: str = ""

    def __call__(self, spec: EngineSpec) -> "TemplateEngine":
        return TemplateEngine(spec, self.model)


class TemplateEngine:
    """Pictures to templates of their main faces.

    Parameters
    ----------
    spec : Limits and detector score, as for measuring.
    model : Path of the model file; empty: the extra's.
    """

    fingerprint = FINGERPRINT

    def __init__(self, spec: EngineSpec, model: str = "") -> None:
        self._model = model
        self._options = EngineOptions(spec.confidence, spec.max_pixels, spec.max_file_size)

    def missing(self) -> str | None:
        """None when the model file can be used here, else a sentence."""
        try:
            self._embedder  # noqa: B018 - reading it opens the file
        except IdentityError as error:
            return str(error)
        return None

    def analyse_batch(self, sources: Sequence[Source]) -> list[Row]:
        """The rows of several pictures, in order; none: the engine makes itself ready.

        Raises
        ------
        EngineUnavailableError : when the model file cannot be used.
        """
        if missing := self.missing():
            raise EngineUnavailableError(missing)
        return [self.analyse(source) for source in sources]

    def analyse(self, source: Source) -> Row:
        """``status``, ``sha256`` of the file, ``template`` (256 bytes) or None, and the ``reason_code`` of None.

        Raises
        ------
        OSError : when the file cannot be opened.
        """
        try:
            content = source if isinstance(source, bytes) else read_bytes(source, self._options.max_file_size)
        except SourceError as error:
            if error.status == "vanished":
                raise FileNotFoundError(str(error)) from error
            return _without("unreadable")
        row: Row = {"sha256": hashlib.sha256(content).hexdigest()}
        template = self.template(content)
        if isinstance(template, str):
            return row | _without(template)
        return row | {"status": "ok", "template": template.astype(np.float16).tobytes()}

    def template(self, content: bytes) -> np.ndarray | str:
        """(128,) float32 of length 1 of the main face of a picture, or the code of ``REASONS`` why there is none."""
        try:
            context = self._faces.context(content)
        except SourceError:
            return "unreadable"
        if not context.faces.boxes:
            return "no_face"
        if not context.has_landmarks:
            return "no_landmarks"
        if context.faces.doubtful:
            return "doubtful_face"
        if context.geometry.eye_distance < MIN_EYE_DISTANCE:
            return "too_small"
        if abs(context.pose.yaw) > MAX_YAW:
            return "turned_away"
        return self._embedder.template(chip_of(context.pyramid, context.points))

    @cached_property
    def _embedder(self) -> Embedder:
        return Embedder.open(model_path(self._model))

    @cached_property
    def _faces(self) -> FaceEngine:
        return FaceEngine(self._options)


def _without(code: str) -> Row:
    status = "unreadable" if code == "unreadable" else "no_face" if code == "no_face" else "ok"
    return {"status": status, "reason_code": code, "template": None}
