"""Columns of the external engines `ofiq` and `biqt`, under the names that BQAT's records use."""

from bqat_pipeline.columns.model import Column

OFIQ: tuple[Column, ...] = ()
BIQT: tuple[Column, ...] = ()
