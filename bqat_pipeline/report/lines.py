"""The essentials of a report as text: for the command line and for Dagster's pages. Never with pictures."""

from collections.abc import Mapping
from typing import Any

from bqat_pipeline.report import words
from bqat_pipeline.report.document import Comparison, RequirementResult

_BAR = 20  # characters
_MOST_SHIFTED = 5


def summary_lines(summary: Mapping[str, Any]) -> list[str]:
    """What ``write_report`` returns, in a few lines for a terminal."""
    lines = [f"{words.count(summary['files'])} files, {words.count(summary['measured'])} measured", summary["headline"]]
    lines += [f"  {cause}" for cause in summary["causes"]]
    if summary["unusual"] is not None:
        lines.append(words.plural(summary["unusual"], "unusual picture"))
    if summary["spare_copies"] is not None:
        lines.append(words.plural(summary["spare_copies"], "spare copy", "spare copies"))
    if summary["pass_rate_change"] is not None:
        lines.append(f"pass rate {words.points(summary['pass_rate_change'])} points against the compared scan")
    return [*lines, *summary["notes"]]


def comparison_lines(comparison: Mapping[str, Any]) -> list[str]:
    """What ``compare`` returns, in a few lines for a terminal."""
    c = Comparison.model_validate(comparison)
    before, now = c.pass_rate_before, c.pass_rate_now
    lines = [
        f"pass rate {words.percent(before.value)} ({words.count(before.total)} assessed) -> "
        f"{words.percent(now.value)} ({words.count(now.total)} assessed)"
    ]
    if c.change:
        interval = f"95 % interval {words.points(c.change.low)} to {words.points(c.change.high)}"
        verdict = "a clear change" if c.change.certain else "too small to tell from chance"
        lines.append(f"change {words.points(c.change.value)} points, {interval}: {verdict}")
    for r in c.requirements:
        if r.change and r.change.certain:
            lines.append(f"  {r.title}: {words.points(r.change.value)} points")
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
        cells = (_cell(r.title), _cell(words.tidy(r.limit)), words.percent(rate), bar, words.count(r.outcomes.failed))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
