"""Numbers and names as people read them."""

import re
from collections.abc import Mapping
from math import floor, isfinite, log10
from typing import Any

from bqat_pipeline.report.document import Comparison, RequirementResult

_THIN = "\u202f"  # narrow no-break space between number and unit
_UNITS = {"deg": "°", "px": f"{_THIN}px", "bits": f"{_THIN}bits", "bytes": f"{_THIN}bytes"}

CERTAINTY = {
    "read": "read in the source",
    "secondary": "from a secondary text",
    "memory": "from memory, check before use",
    "own": "limit of this project",
}


def count(number: int) -> str:
    """``12,345``."""
    return f"{number:,}"


def percent(share: float | None, digits: int = 1) -> str:
    """``12.3 %``; a share that is not quite 0 or 1 never reads 0 % or 100 %."""
    if share is None or not isfinite(share):
        return "–"
    least = 10.0**-digits
    value = share * 100
    if 0 < value < least / 2:
        return f"<{_THIN}{least:.{digits}f}{_THIN}%"
    if 100 - least / 2 < value < 100:
        return f">{_THIN}{100 - least:.{digits}f}{_THIN}%"
    text = f"{value:.{digits}f}"
    if float(text) in (0.0, 100.0) and share in (0.0, 1.0):
        text = f"{value:.0f}"
    return f"{text}{_THIN}%"


def points(difference: float, digits: int = 1) -> str:
    """Difference of two shares in percentage points with its sign: ``+1.2``, ``−0.3``, ``±0.0``."""
    text = f"{abs(difference) * 100:.{digits}f}"
    if float(text) == 0:
        return f"±{text}"
    return ("+" if difference > 0 else "−") + text


def number(value: float | None, scale: float | None = None) -> str:
    """A value with three significant digits, or as many decimals as values of the given size need.

    Parameters
    ----------
    value : NaN and None are written as a dash.
    scale : Typical spread of the values; decimals are chosen so that a hundredth of it shows.
    """
    if value is None or not isfinite(value):
        return "–"
    size = abs(scale) if scale else abs(value)
    if size == 0 or value == 0:
        return "0"
    decimals = min(max(2 - floor(log10(size)), 0), 6)
    text = f"{abs(value):,.{decimals}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return ("−" if value < 0 and float(text.replace(",", "")) != 0 else "") + text


def with_unit(text: str, unit: str) -> str:
    """The unit behind a number, where it is one that people write."""
    return text + _UNITS.get(unit, "")


def axis_unit(unit: str) -> str:
    """How a unit is named at an axis: ``degrees``, ``px``, or empty for a plain ratio."""
    return {"deg": "degrees", "0..1": "", "0..100": "", "0..255": "grey levels"}.get(
        unit, unit if ".." not in unit else ""
    )


def plural(number_of: int, one: str, many: str | None = None) -> str:
    """``1 picture``, ``12,345 pictures``."""
    return f"{count(number_of)} {one if number_of == 1 else many or one + 's'}"


def tidy(text: str) -> str:
    """A limit or an advice as set in print: ``-5.0 to 5.0 deg`` becomes ``−5 to 5°``, ``45.0%`` becomes ``45 %``."""
    text = re.sub(r"(?<![\w.])(\d+)\.0+(?![\d.])", r"\1", text)
    text = re.sub(r"(?<![\w)])-(?=\d)", "−", text)
    text = re.sub(r"(\d) deg\b", r"\1°", text)
    return re.sub(r"(\d)(%| px\b)", lambda m: f"{m[1]}{_THIN}{m[2].strip()}", text)


def band(width: float, limit: str) -> str:
    """The half-width of a limit's band, as the limit itself is written: ``5 %`` beside ``60% to 90%``, not ``0.05``."""
    if "%" in limit:
        return f"{number(100 * width)}{_THIN}%"
    unit = "°" if limit.endswith(" deg") else f"{_THIN}px" if limit.endswith(" px") else ""
    return f"{number(width)}{unit}"


def definition(description: str) -> str:
    """The part of a registry description that says what is measured; clause and name stand beside it already."""
    text = description.split(", native value: ")[-1]
    return text[:1].upper() + text[1:]


_BAR = 20  # characters
_MOST_SHIFTED = 5
_MOST_GROUPS = 5


def summary_lines(summary: Mapping[str, Any]) -> list[str]:
    """What ``write_report`` returns, in a few lines for a terminal."""
    lines = [f"{count(summary['files'])} files, {count(summary['measured'])} measured", summary["headline"]]
    lines += [f"  {cause}" for cause in summary["causes"]]
    lines += summary["advice"]
    if summary["unusual"] is not None:
        lines.append(plural(summary["unusual"], "unusual picture"))
    if summary["spare_copies"] is not None:
        lines.append(plural(summary["spare_copies"], "spare copy", "spare copies"))
    if summary["pass_rate_change"] is not None:
        lines.append(f"pass rate {points(summary['pass_rate_change'])} points against the compared scan")
    differences = summary.get("group_differences") or []
    if differences:
        lines.append("groups that differ beyond chance:")
        lines += [f"  {sentence}" for sentence in differences[:_MOST_GROUPS]]
    return [*lines, *summary["notes"]]


def comparison_lines(comparison: Mapping[str, Any]) -> list[str]:
    """What ``compare`` returns, in a few lines for a terminal."""
    c = Comparison.model_validate(comparison)
    before, now = c.pass_rate_before, c.pass_rate_now
    lines = [
        f"pass rate {percent(before.value)} ({count(before.total)} assessed) -> "
        f"{percent(now.value)} ({count(now.total)} assessed)"
    ]
    if c.change:
        interval = f"95 % interval {points(c.change.low)} to {points(c.change.high)}"
        verdict = "a clear change" if c.change.certain else "too small to tell from chance"
        lines.append(f"change {points(c.change.value)} points, {interval}: {verdict}")
    for r in c.requirements:
        if r.change and r.change.certain:
            lines.append(f"  {r.title}: {points(r.change.value)} points")
    if c.pictures and c.pictures.matched:
        lines.append(
            f"of {count(c.pictures.matched)} pictures in both, {count(c.pictures.better)} better now, "
            f"{count(c.pictures.worse)} worse"
        )
    moved = [s for s in c.shifts if s.shift is not None][:_MOST_SHIFTED]
    if moved:
        lines.append(
            "measures that moved most, in standard deviations" + ("" if c.flags else " (too few pictures to flag)")
        )
        lines += [f"  {s.title}: {s.shift:.2f}{' shifted' if s.flagged else ''}" for s in moved]
    return lines


def scorecard_markdown(scorecard: list[RequirementResult]) -> str:
    """The scorecard as a Markdown table with bars, for the metadata of a Dagster asset."""
    lines = ["| requirement | limit | pass | | fail |", "| --- | --- | ---: | --- | ---: |"]
    for r in scorecard:
        rate = r.outcomes.pass_rate.value
        full = 0 if rate is None else round(rate * _BAR)
        bar = "█" * full + "░" * (_BAR - full)
        cells = (_cell(r.title), _cell(tidy(r.limit)), percent(rate), bar, count(r.outcomes.failed))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
