"""Short descriptions and counts of a data set, shared by ``list``, ``show`` and ``scan``."""

from collections.abc import Mapping
from typing import Any

from rich.text import Text

from bqat_pipeline.cli.console import printable
from bqat_pipeline.datasets import DatasetRecord, DatasetStore, Manifest
from bqat_pipeline.datasets.scan_warnings import scan_warnings
from bqat_pipeline.settings import settings

_BAR = 16  # characters
# Outcomes of the bar, with a different shape and colour each.
_PARTS = (("pass", "█", "green"), ("borderline", "▒", "yellow"), ("fail", "░", "red"))


def describe(store: DatasetStore, record: DatasetRecord, manifest: Manifest | None) -> dict[str, Any]:
    """The facts of a data set as JSON values, as ``--json`` prints them."""
    return {
        "dataset": record.key,
        "collection": str(record.id),
        "name": record.name,
        "sources": ", ".join(s.uri for s in record.sources),
        "engine": record.options.engine,
        "requirements": record.requirements,
        "files": manifest.rows if manifest else 0,
        "measured": manifest.measured if manifest else 0,
        "status": manifest.counts if manifest else {},
        "verdicts": manifest.verdicts if manifest else {},
        "pass_percent": pass_percent(manifest) if manifest else None,
        "scanned": manifest.created.isoformat() if manifest else None,
        "warnings": scan_warnings(store, record.key, manifest, identities=settings().identity),
        "notes": manifest.passed_over.notes() if manifest else [],
    }


def pass_percent(manifest: Manifest) -> float | None:
    """Share of the judged faces that pass, in percent; None where none was judged."""
    return 100 * manifest.verdicts.get("pass", 0) / manifest.assessed if manifest.assessed else None


def files_line(manifest: Manifest) -> str:
    """``24: 17 ok, 3 unreadable``."""
    return f"{manifest.rows:,}: {counts(manifest.counts)}" if manifest.counts else f"{manifest.rows:,}"


def verdicts_line(manifest: Manifest, requirements: str) -> str:
    """``17 fail, 1 borderline of 18 measured (icao-tr-portrait)``.

    A measured picture that a required limit cannot judge is `not assessed`; a file without a measured face has no
    verdict.
    """
    faces = manifest.measured
    judged = {name: manifest.verdicts.get(name, 0) for name, _, _ in _PARTS}
    judged["not_assessed"] = faces - sum(judged.values())
    return f"{counts(judged) or 'none'} of {faces:,} measured ({printable(requirements)})"


def counts(values: Mapping[str, int]) -> str:
    """``17 ok, 3 unreadable``: the largest count first, without counts of 0."""
    ordered = sorted(((n, name) for name, n in values.items() if n), reverse=True)
    return ", ".join(f"{n:,} {name.replace('_', ' ')}" for n, name in ordered)


def verdict_bar(manifest: Manifest | None) -> Text:
    """Shares of pass, borderline and fail as a bar; empty where no face was judged."""
    bar = Text()
    shares = [(manifest.verdicts.get(name, 0), mark, colour) for name, mark, colour in _PARTS] if manifest else []
    whole = sum(number for number, _, _ in shares)
    done = filled = 0
    for number, mark, colour in shares:
        done += number
        until = round(_BAR * done / whole) if whole else 0
        bar.append(mark * (until - filled), style=colour)
        filled = until
    return bar


def verdict_bar_legend() -> str:
    """What the parts of the bar mean."""
    return "  ".join(f"{mark} {name}" for name, mark, _ in _PARTS)
