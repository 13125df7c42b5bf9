"""Inline SVG drawn from counts: no script, no library. Colours come from the page's style sheet by class.

Every chart is ``role="img"`` with its numbers in ``aria-label``; outcomes differ by pattern as well as by colour.
"""

from collections.abc import Callable, Sequence
from math import ceil, floor, log10

from markupsafe import Markup, escape

from bqat_pipeline.report import formatting
from bqat_pipeline.report.document import Histogram, Limit, MeasureResult, Outcomes
from bqat_pipeline.report.rates import Rate

_Scale = Callable[[float], float]  # data value to px of the view box

# Shifts of at least this many standard deviations matter.
FLAG = 0.1

_WIDTH, _HEIGHT = 360.0, 148.0
_LEFT, _RIGHT, _TOP, _BASE = 8.0, 352.0, 24.0, 112.0  # plot area, px of the view box


def _svg(
    width: float, height: float, label: str, body: Sequence[str], cls: str = "", *, stretch: bool = False
) -> Markup:
    ratio = ' preserveAspectRatio="none"' if stretch else ""
    return Markup(
        f'<svg class="chart {cls}" viewBox="0 0 {width:g} {height:g}"{ratio} role="img" aria-label="{escape(label)}">'
        + "".join(body)
        + "</svg>"
    )


def nice_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers between two values, at most about ``most``."""
    if not high > low:
        return [low]
    raw = (high - low) / max(most - 1, 1)
    power = 10.0 ** floor(log10(raw))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= raw * 0.999)
    first = ceil(low / step - 1e-9)
    return [round(i * step, 10) + 0.0 for i in range(first, floor(high / step + 1e-9) + 1)]


def histogram(measure: MeasureResult) -> Markup:
    """Distribution with limits, shaded failing side, tails, and a line from the 5 % to the 95 % value."""
    shape = measure.histogram
    assert shape is not None
    low, high = shape.edges[0], shape.edges[-1]

    def x(value: float) -> float:
        return _LEFT + (min(max(value, low), high) - low) / (high - low) * (_RIGHT - _LEFT)

    body = [*_zones(measure.limits, low, high, x), _bars(shape.edges, shape.counts, x)]
    body.append(f'<line class="axis" x1="{_LEFT:g}" x2="{_RIGHT:g}" y1="{_BASE:g}" y2="{_BASE:g}"/>')
    for tick in nice_ticks(low, high):
        text = formatting.number(tick, high - low)
        body.append(f'<line class="axis" x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{_BASE:g}" y2="{_BASE + 4:g}"/>')
        anchor = "start" if x(tick) < _LEFT + 14 else "end" if x(tick) > _RIGHT - 14 else "middle"
        body.append(f'<text class="tick" x="{x(tick):.1f}" y="{_BASE + 30:g}" text-anchor="{anchor}">{text}</text>')
    body += _spread(measure, x)
    body += _tails(shape)
    body += _limit_lines(measure.limits, low, high, x)
    return _svg(_WIDTH, _HEIGHT, describe(measure), body, "histogram")


def _zones(limits: Sequence[Limit], low: float, high: float, x: _Scale) -> list[str]:
    """Shaded areas: where a value fails, and where it is too close to the limit to tell."""
    parts: list[str] = []

    def area(start: float, end: float, cls: str) -> None:
        start, end = max(start, low), min(end, high)
        if end > start:
            parts.append(
                f'<rect class="{cls}" x="{x(start):.1f}" y="{_TOP:g}" width="{x(end) - x(start):.1f}"'
                f' height="{_BASE - _TOP:g}"/>'
            )

    for limit in limits:
        if limit.low is not None:
            area(low, limit.low - limit.band, "zone-fail")
            area(limit.low - limit.band, limit.low + limit.band, "zone-borderline")
        if limit.high is not None:
            area(limit.high + limit.band, high, "zone-fail")
            area(limit.high - limit.band, limit.high + limit.band, "zone-borderline")
    return parts


def _bars(edges: Sequence[float], counts: Sequence[float], x: _Scale) -> str:
    top = max(counts) or 1.0
    steps = [f"M{x(edges[0]):.1f} {_BASE:g}"]
    for left, right, height in zip(edges, edges[1:], counts, strict=False):
        y = _BASE - height / top * (_BASE - _TOP - 6)
        if height and _BASE - y < 1:
            y = _BASE - 1  # a single picture still shows
        steps.append(f"H{x(left):.1f}V{y:.1f}H{x(right):.1f}")
    return f'<path class="bars" d="{"".join(steps)}V{_BASE:g}Z"/>'


def _spread(measure: MeasureResult, x: _Scale) -> list[str]:
    spread = measure.spread
    if spread.p5 is None or spread.p50 is None or spread.p95 is None:
        return []
    y = _BASE + 10
    return [
        f'<line class="spread" x1="{x(spread.p5):.1f}" x2="{x(spread.p95):.1f}" y1="{y:g}" y2="{y:g}"/>',
        f'<line class="spread" x1="{x(spread.p5):.1f}" x2="{x(spread.p5):.1f}" y1="{y - 3:g}" y2="{y + 3:g}"/>',
        f'<line class="spread" x1="{x(spread.p95):.1f}" x2="{x(spread.p95):.1f}" y1="{y - 3:g}" y2="{y + 3:g}"/>',
        f'<circle class="median" cx="{x(spread.p50):.1f}" cy="{y:g}" r="3.5"/>',
    ]


def _tails(shape: Histogram) -> list[str]:
    """Counts of the pictures beyond both ends."""
    parts = []
    y = _BASE + 13
    if shape.below >= 1:
        parts.append(f'<text class="tail" x="{_LEFT - 6:g}" y="{y:g}">◂{formatting.count(round(shape.below))}</text>')
    if shape.above >= 1:
        count = formatting.count(round(shape.above))
        parts.append(f'<text class="tail" x="{_RIGHT + 6:g}" y="{y:g}" text-anchor="end">{count}▸</text>')
    return parts


# px that a label such as "min 0.74" takes up
_LABEL = 48.0


def _limit_lines(limits: Sequence[Limit], low: float, high: float, x: _Scale) -> list[str]:
    parts = []
    for limit in limits:
        marks = [
            (x(v), word, v)
            for v, word in ((limit.low, "min"), (limit.high, "max"))
            if v is not None and low <= v <= high
        ]
        for place, _, _ in marks:
            parts.append(f'<line class="limit" x1="{place:.1f}" x2="{place:.1f}" y1="{_TOP - 2:g}" y2="{_BASE:g}"/>')
        if len(marks) == 2 and marks[1][0] - marks[0][0] < _LABEL and marks[0][0] < _LEFT + _LABEL:
            # No room on the left of the minimum: one label for both, on the right of the maximum.
            texts = [(marks[1][0], "max", f"{formatting.number(marks[0][2])} to {formatting.number(marks[1][2])}")]
        else:
            texts = [(place, word, f"{word} {formatting.number(value)}") for place, word, value in marks]
        for place, word, text in texts:
            # A minimum is written to its left and a maximum to its right, so that close limits do not collide.
            left_of = (word == "min" and place > _LEFT + _LABEL) or place > _RIGHT - _LABEL
            anchor, offset = ("end", 3.0) if left_of else ("start", -3.0)
            start = f'<text class="limit-text" x="{place + offset:.1f}" y="{_TOP - 7:g}" text-anchor="{anchor}">'
            parts.append(f"{start}{text}</text>")
    return parts


def describe(measure: MeasureResult) -> str:
    """The chart in a sentence, for those who cannot see it."""
    s = measure.spread
    spread = (s.max or 0) - (s.min or 0)
    unit = f" in {formatting.axis_unit(measure.unit)}" if formatting.axis_unit(measure.unit) else ""
    low, middle, high = (formatting.number(value, spread) for value in (s.p5, s.p50, s.p95))
    text = (
        f"Distribution of {measure.title}{unit}, {formatting.count(s.n)} pictures: "
        f"5 % lie below {low}, half below {middle}, 95 % below {high}."
    )
    for limit in measure.limits:
        ends = [f"at least {formatting.number(limit.low)}"] if limit.low is not None else []
        ends += [f"at most {formatting.number(limit.high)}"] if limit.high is not None else []
        text += f" Required: {' and '.join(ends)}."
    return text


def outcome_bar(outcomes: Outcomes, label: str, *, large: bool = False) -> Markup:
    """Shares of pass, borderline, fail and not assessed, side by side."""
    height, width = (28.0, 720.0) if large else (12.0, 160.0)
    total = outcomes.total or 1
    body, start = [], 0.0
    for cls, number in (
        ("pass", outcomes.passed),
        ("borderline", outcomes.borderline),
        ("fail", outcomes.failed),
        ("none", outcomes.not_assessed),
    ):
        length = number / total * width
        if number:
            length = max(length, 1.0)
            body.append(f'<rect class="o-{cls}" x="{start:.1f}" width="{length:.1f}" height="{height:g}"/>')
        start += length
    text = (
        f"{label}: {formatting.count(outcomes.passed)} pass, {formatting.count(outcomes.borderline)} borderline, "
        f"{formatting.count(outcomes.failed)} fail, {formatting.count(outcomes.not_assessed)} not assessed"
    )
    return _svg(width, height, text, body, "outcome large" if large else "outcome", stretch=True)


def share_bar(rate: Rate, label: str) -> Markup:
    """One share as a bar, for yes/no measures."""
    value = rate.value or 0.0
    body = [
        '<rect class="track" x="0" y="0" width="344" height="14" rx="2"/>',
        f'<rect class="bars" x="0" y="0" width="{max(value * 344, 1.5 if value else 0):.1f}" height="14" rx="2"/>',
    ]
    return _svg(
        344, 14, f"{label}: {formatting.percent(rate.value)} of {formatting.count(rate.total)} pictures", body, "share"
    )


def interval(rate: Rate, reference: float | None, label: str) -> Markup:
    """A share with its 95 % interval on a line from 0 to 100 %, and the whole data set's share as a tick."""
    if rate.value is None or rate.low is None or rate.high is None:
        return Markup("")
    body = ['<line class="track-line" x1="2" x2="158" y1="8" y2="8"/>']
    if reference is not None:
        place = 2 + reference * 156
        body.append(f'<line class="reference" x1="{place:.1f}" x2="{place:.1f}" y1="1" y2="15"/>')
    low, high, middle = (2 + v * 156 for v in (rate.low, rate.high, rate.value))
    body.append(f'<line class="whisker" x1="{low:.1f}" x2="{high:.1f}" y1="8" y2="8"/>')
    body.append(f'<circle class="dot" cx="{middle:.1f}" cy="8" r="3.6"/>')
    share, first, last = (formatting.percent(value) for value in (rate.value, rate.low, rate.high))
    text = f"{label}: {share}, 95 % interval {first} to {last}"
    return _svg(160, 16, text, body, "interval")


def shift_bar(shift: float | None, label: str, *, flagged: bool) -> Markup:
    """How far a measure moved, in standard deviations, drawn up to 1."""
    if shift is None:
        return Markup("")
    cls, length = ("shift-strong" if flagged else "shift"), min(shift, 1) * 156
    body = [
        '<line class="track-line" x1="2" x2="158" y1="8" y2="8"/>',
        f'<line class="reference" x1="{2 + FLAG * 156:.1f}" x2="{2 + FLAG * 156:.1f}" y1="1" y2="15"/>',
        f'<rect class="{cls}" x="2" y="4" width="{length:.1f}" height="8"/>',
    ]
    return _svg(160, 16, f"{label}: shift of {shift:.2f} standard deviations", body, "interval")
