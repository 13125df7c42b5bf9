"""Options of the engine."""

from dataclasses import dataclass


@dataclass(frozen=True)
class EngineOptions:
    """Options that affect rows; part of the engine's fingerprint. Their defaults are stated here and nowhere else.

    Attributes
    ----------
    confidence : Required detector score, 0..1. A single face must reach 0.8 of it, a face beside others 0.5 of it, and
        below a score of 0.7 the landmark net must confirm the face (``finder.py``). Lower it to find more faces in
        poor pictures, raise it when drawings or patterns are taken for faces.
    max_pixels : Pictures with more pixels become rows with status ``too_large``.
    max_file_size : Files with more bytes become rows with status ``too_large``.
    background : Whether the person is told from the background. If not, what rests on it is null, and rows with
        landmarks have the warning ``background_not_asked``.
    """

    confidence: float = 0.7
    max_pixels: int = 64_000_000
    max_file_size: int = 200_000_000
    background: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.confidence < 1:
            raise ValueError(f"confidence is {self.confidence}; it must lie between 0 and 1")
        if self.max_pixels < 1 or self.max_file_size < 1:
            raise ValueError("max_pixels and max_file_size must be at least 1")
