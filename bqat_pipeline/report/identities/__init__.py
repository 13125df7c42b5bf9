"""What a report says of the same person in several pictures."""

from bqat_pipeline.report.identities.counts import Identities, identities

__all__ = ["Identities", "identities"]
