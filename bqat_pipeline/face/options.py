"""What a caller may choose about the engine."""

from dataclasses import dataclass


@dataclass(frozen=True)
class EngineOptions:
    """Choices that affect rows; part of the engine's fingerprint. Their defaults are stated here and nowhere else.

    Attributes
    ----------
    confidence : Detector score, 0..1, that is asked for. A face on its own must reach 0.8 of it, one beside others
        0.5 of it, and below 0.7 the landmark net must say as well that it is a face (``finder.py``). Lower it to find
        more faces in poor pictures, raise it when drawings or patterns are taken for faces.
    max_pixels : Larger pictures become rows with status ``too_large``.
    max_file_size : Larger files (bytes) become rows with status ``too_large``.
    """

    confidence: float = 0.7
    max_pixels: int = 64_000_000
    max_file_size: int = 200_000_000

    def __post_init__(self) -> None:
        if not 0 < self.confidence < 1:
            raise ValueError(f"confidence is {self.confidence}; it must lie between 0 and 1")
        if self.max_pixels < 1 or self.max_file_size < 1:
            raise ValueError("max_pixels and max_file_size must be at least 1")
