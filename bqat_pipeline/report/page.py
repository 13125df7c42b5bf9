"""The HTML page: one file, no script, no outside request, everything from users escaped."""

from collections.abc import Mapping
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bqat_pipeline.columns import STATUS_TITLES
from bqat_pipeline.report import charts, formatting
from bqat_pipeline.report.document import Comparison, MeasureResult, Report
from bqat_pipeline.report.sections import sections_of

_GROUP_TITLES = {
    "limits": "Measures with a limit",
    "iso": "Other components of ISO/IEC 29794-5",
    "other": "Other measures of the picture",
}

_EDA_LINK = Markup(
    '<li><a href="./eda.html">eda.html</a><br><span class="small soft">'
    "Every column in detail (exploratory data analysis)</span></li>"
)
_NOT_DRAWN = "; drawn when you open it, which takes about a minute"
# Escaping keeps texts of users from being this comment.
_EDA_PLACE = Markup("<!-- eda -->")

# Texts by which BQAT-GUI recognises an error answer; a page that holds them is never shown.
_FORBIDDEN = {
    "not found": "not&#32;found",
    '{"detail":"Report of': '{&#34;detail":"Report of',
}


def render(report: Report, thumbnails: Mapping[int, str], *, eda: bool = False) -> str:
    """The page of a report.

    Parameters
    ----------
    report : All numbers.
    thumbnails : Row to data URI.
    eda : Whether ``eda.html`` lies beside the page.
    """
    template = _environment().get_template("index.html")
    link = _EDA_LINK if eda else _EDA_PLACE
    numbers = {"r": report, "sections": sections_of(report), "groups": _measure_groups(report)}
    return for_gui(template.render(numbers, thumbs=thumbnails, eda=link))


def with_eda_link(html: str, *, drawn: bool = True) -> str:
    """A page that was made before its EDA page, now with the link to it.

    Parameters
    ----------
    drawn : Whether the EDA page is there; otherwise the link says that opening it has it drawn.
    """
    return html.replace(_EDA_PLACE, _EDA_LINK if drawn else _EDA_LINK.replace("analysis)", "analysis)" + _NOT_DRAWN))


def render_comparison(comparison: Comparison, title: str) -> str:
    """A page with nothing but a comparison."""
    return for_gui(_environment().get_template("compare.html").render(c=comparison, title=title))


def compile_templates() -> None:
    """Compile all templates now, which the first page of a process does otherwise; processes forked later have them."""
    for name in _environment().list_templates(extensions=["html", "css"]):
        _environment().get_template(name)


def for_gui(html: str) -> str:
    """The same page without the texts that BQAT-GUI takes for an error answer; readers see no difference."""
    for text, harmless in _FORBIDDEN.items():
        html = html.replace(text, harmless)
    return html


def _measure_groups(report: Report) -> list[tuple[str, list[MeasureResult]]]:
    groups: dict[str, list[MeasureResult]] = {name: [] for name in _GROUP_TITLES}
    for measure in report.measures:
        groups["limits" if measure.limits else "iso" if measure.group == "iso" else "other"].append(measure)
    return [(_GROUP_TITLES[name], measures) for name, measures in groups.items() if measures]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("bqat_pipeline.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"charts": charts, "formatting": formatting, "status_titles": STATUS_TITLES}
    environment.filters |= {
        "count": formatting.count,
        "percent": formatting.percent,
        "points": formatting.points,
        "tidy": formatting.tidy,
        "definition": formatting.definition,
        "basename": lambda label: label.rsplit("/", 1)[-1],
        "dirname": lambda label: label.rpartition("/")[0],
        "day": lambda moment: f"{moment.day} {moment:%B %Y}",
    }
    return environment
