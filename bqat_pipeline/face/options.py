"""What a caller may choose about the engine."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """Choices that affect rows; part of the engine's fingerprint.

    Attributes
    ----------
    confidence : Detector score, 0..1, from which a box counts as a face on the detector's word alone. Weaker boxes
        count only when the landmark mesh confirms them (`detection.py`), so the value trades false boxes
        against the cost of looking twice, not against recall.
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
