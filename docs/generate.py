"""Writes the parts of docs/ that are derived from code: columns, settings, command line, REST.

``make docs`` writes them; a test checks that they are current (``--check``).
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent))

NOTICE = "<!-- Made by `make docs`; do not edit. -->\n"


def columns() -> Iterator[str]:
    """docs/columns.md: every column of the registry, by group."""
    from bqat_pipeline.columns import SCHEMA_VERSION, columns_for
    from bqat_pipeline.columns.external import EXTERNAL

    yield "# Columns of a face profile\n"
    yield f"Schema version {SCHEMA_VERSION}. Sides, signs and frames are those of the description; formulas are in [measures.md](measures.md).\n"
    titles = {
        "identity": "Which file",
        "status": "What became of it",
        "verdict": "Against the rule set",
        "bqat": "BQAT record",
        "iso": "ISO/IEC 29794-5:2025 components",
        "aux": "Own helper measures",
        **{name: f"External engine `{name}`" for name in EXTERNAL},
    }
    seen: set[str] = set()
    for engine in ("bqat", *EXTERNAL):
        for group, title in titles.items():
            members = [c for c in columns_for(engine).group(group) if c.name not in seen]  # type: ignore[arg-type]
            if not members:
                continue
            seen.update(c.name for c in members)
            yield f"## {title}\n"
            yield "| column | type | unit | range | better | clause | method | description |"
            yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
            for c in members:
                span = "" if c.low is None and c.high is None else f"{_number(c.low)}..{_number(c.high)}"
                better = "" if c.direction == "none" else c.direction
                method = c.method if not c.reason else f"{c.method} ({c.reason})"
                personal = " **Left out of exports and answers unless named.**" if c.personal else ""
                unit = f"{c.unit} (± {c.error:g})" if c.error else c.unit
                yield f"| `{c.name}` | {c.type} | {unit} | {span} | {better} | {c.clause} | {method} | {_cell(c.description)}{personal} |"
            yield ""


def profiles() -> Iterator[str]:
    """docs/profiles.md: the limits of the shipped rule sets, with their sources."""
    from bqat_pipeline.requirements import list_rule_sets, load_rule_set

    yield "# Shipped rule sets\n"
    yield "How they are applied, and how to bring your own: [requirements.md](requirements.md). A value closer to a limit than the band is `borderline`.\n"
    for name in list_rule_sets():
        profile = load_rule_set(name)
        yield f"## {name}\n"
        yield f"{profile.title}, version {profile.version}. {_cell(profile.description)}\n"
        yield "| requirement | column | limit | band | severity | source | certainty |"
        yield "| --- | --- | --- | --- | --- | --- | --- |"
        for r in profile.requirements:
            band = f"{r.band:{r.format}}" if r.band else ""
            yield f"| {_cell(r.title)} | `{r.quantity}` | {r.limit} | {band} | {r.severity} | {_cell(r.source)} | {r.certainty} |"
        yield "\nNot covered:\n"
        yield from (f"* {_cell(text)}" for text in profile.not_covered)
        yield ""


def settings() -> Iterator[str]:
    """docs/settings.md: every setting, from the settings class."""
    from bqat_pipeline.settings import Settings

    yield "# Settings\n"
    yield "Environment variables, or lines of `.env` in the base folder.\n"
    yield (
        "The base folder is the nearest one, from the working directory upwards, that holds `storage/datasets` or a `.env` with a "
        "`BQAT_` line (folders of other users are passed over); else the checkout that the command belongs to; else the working "
        "directory. Relative places below are places in it, so `bqat` finds the same results from any folder below, or from "
        "anywhere with the `bqat` of the checkout. A place in an environment variable is relative to the working directory.\n"
    )
    yield "| variable | default | meaning |"
    yield "| --- | --- | --- |"
    for name, field in Settings.model_fields.items():
        value = field.default
        shown = value.get_secret_value() if hasattr(value, "get_secret_value") else value
        yield f"| `BQAT_{name.upper()}` | `{shown}` | {_cell(field.description or '')} |"


def cli() -> Iterator[str]:
    """docs/cli.md: every command with its arguments and options."""
    import typer.main

    from bqat_pipeline.cli.app import app
    from bqat_pipeline.cli.exit_codes import MEANINGS

    group: Any = typer.main.get_command(app)
    yield "# Command line\n"
    yield "`bqat` and `python -m bqat_pipeline` are the same. Before the command: `--version`; `--verbose`, `-v` (or `BQAT_DEBUG=1`) prints tracebacks, which otherwise go to `state/logs/bqat.log`; `--no-color` (or `NO_COLOR=1`). `bqat --install-completion` lets the Tab key complete commands, options and data sets.\n"
    yield "| exit code | meaning |"
    yield "| --- | --- |"
    for code, meaning in sorted(MEANINGS.items()):
        yield f"| {code} | {_cell(meaning)} |"
    yield ""
    for name, command in sorted(group.commands.items()):
        arguments = " ".join(_argument(p) for p in command.params if p.param_type_name == "argument")
        yield f"## bqat {name} {arguments}".rstrip() + "\n"
        yield (command.help or "").strip() + "\n"
        if command.epilog:
            yield f"```\n{command.epilog.removeprefix('Example: ')}\n```\n"
        options = [p for p in command.params if p.param_type_name == "option" and p.name != "help"]
        if options:
            yield "| option | default | meaning |"
            yield "| --- | --- | --- |"
            for p in options:
                default = "" if p.default in (None, "", False) else str(p.default)
                yield f"| `{' / '.join(p.opts)}` | {default} | {_cell(p.help or '')} |"
            yield ""


def _argument(parameter: Any) -> str:
    name = parameter.metavar or parameter.name.upper()
    return name if parameter.required else f"[{name}]"


def rest() -> Iterator[str]:
    """docs/rest.md: every route, from the OpenAPI document."""
    from api.app import app

    document = app.openapi()
    yield "# REST routes\n"
    yield "The same as `/docs` and `/openapi.json` of a running facade. The BQAT-compatible routes answer as BQAT does; the routes under `/v1` are our own.\n"
    groups: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            groups.setdefault(operation.get("tags", ["other"])[0], []).append((path, method.upper(), operation))
    for tag, routes in groups.items():
        yield f"## {tag}\n"
        yield "| route | answers | summary |"
        yield "| --- | --- | --- |"
        for path, method, operation in routes:
            codes = ", ".join(operation["responses"])
            yield f"| `{method} {path}` | {codes} | {_cell(operation.get('description', operation.get('summary', '')).splitlines()[0] if operation.get('description') else operation.get('summary', ''))} |"
        yield ""


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


PAGES: dict[str, Callable[[], Iterator[str]]] = {
    "columns.md": columns,
    "profiles.md": profiles,
    "settings.md": settings,
    "cli.md": cli,
    "rest.md": rest,
}


def main() -> int:
    """Exit status 1 when ``--check`` finds a page that is not current."""
    stale = []
    for name, page in PAGES.items():
        text = NOTICE + "\n".join(page()).rstrip() + "\n"
        path = DOCS / name
        if path.is_file() and path.read_text() == text:
            continue
        stale.append(name)
        if "--check" not in sys.argv:
            path.write_text(text)
    if stale:
        print(("not current: " if "--check" in sys.argv else "written: ") + ", ".join(stale))
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
