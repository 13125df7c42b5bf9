"""Metadata that the Dagster UI shows with an asset."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from bqat_pipeline.settings import settings


def preview(rows: Sequence[Mapping[str, Any]]) -> dg.TableMetadataValue:
    """A small table; values are text, so that every type can be shown."""
    names = list(rows[0]) if rows else ["file"]
    return dg.MetadataValue.table(
        records=[dg.TableRecord({name: _text(row.get(name)) for name in names}) for row in rows],
        schema=dg.TableSchema(columns=[dg.TableColumn(name) for name in names]),
    )


def percent(part: int, whole: int) -> float:
    """``part / whole`` in percent, rounded to two decimals; 0 when ``whole`` is 0."""
    return round(100 * part / whole, 2) if whole else 0.0


def api_link(path: str) -> dg.UrlMetadataValue:
    """A link to a path of the REST facade."""
    config = settings()
    host = "127.0.0.1" if config.host in ("0.0.0.0", "::") else config.host
    return dg.MetadataValue.url(f"http://{host}:{config.port}/{path.lstrip('/')}")


def numbers(summary: Mapping[str, Any]) -> dict[str, float | int | str]:
    """The entries of a summary that are numbers or text; Dagster plots numbers over time."""
    return {key: value for key, value in summary.items() if isinstance(value, int | float | str)}


def _text(value: Any) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
