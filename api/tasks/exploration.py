"""The exploratory page of a data set: served when it shows the published profiles, else drawn by a run of its own.

It is not a task of the BQAT API, so that clients that wait for scans and reports do not wait for it.
"""

from collections.abc import Mapping
from html import escape
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from api.http.errors import not_found
from api.report_files import report_response
from api.services import Services
from api.tasks.dagster_client import Run
from api.tasks.task import LIVE_RUN_STATUSES
from bqat_pipeline.datasets import DatasetRecord
from bqat_pipeline.datasets.report_folder import EXPLORATION
from bqat_pipeline.names import COLLECTION_TAG, EXPLORE, PARTITION_TAG, WILL_RETRY_TAG
from bqat_pipeline.names import EXPLORATION as EXPLORATION_OP

# Seconds after which a waiting browser asks again.
_REFRESH = 5
# No sandbox: it would switch off the refresh. Nothing on the page comes from a picture or a table.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; frame-ancestors 'self'; base-uri 'none'"
_ENDED_BADLY = ("FAILURE", "CANCELED")


async def exploration_response(services: Services, request: Request, record: DatasetRecord, *, again: bool) -> Response:
    """The exploratory page; when it is not drawn yet, launch the run and answer a page of progress that refreshes.

    Parameters
    ----------
    again : Launch a run although the last one failed.

    Raises
    ------
    HTTPException : 404 before the first finished scan, and for a data set without a measured face.
    """
    manifest = await services.quick(services.store.manifest, record.key)
    if manifest is None:
        raise not_found(f"data set {record.key} has no finished scan yet")
    from bqat_pipeline.report import has_current_eda  # the report's code takes 5 MB

    if await services.quick(has_current_eda, services.store, record.key):
        return await report_response(services, request, str(record.id), EXPLORATION)
    if not manifest.measured:
        raise not_found(f"data set {record.key} has no picture with a measured face: there is nothing to explore")
    async with services.lock(f"{EXPLORE}:{record.id}"):
        newest = next(iter(await services.dagster.runs(job=EXPLORE, tags={PARTITION_TAG: record.key}, limit=1)), None)
        if newest is not None and _is_live(newest):
            return _waiting(record, newest)
        is_of_this_scan = newest is not None and newest.created >= manifest.created.timestamp()
        if newest is not None and is_of_this_scan and newest.status in _ENDED_BADLY and not again:
            reasons = await services.dagster.failure(newest.id) if newest.status == "FAILURE" else ["it was stopped"]
            return _page(record, f"The page was not drawn: {'; '.join(reasons) or 'the run failed'}.", "Draw it again")
        if not _is_asked_by_a_person(request):
            return _page(record, "The page is not drawn yet.", "Draw it")
        await launch_exploration(services, record)
    return _waiting(record, None)


async def launch_exploration(
    services: Services, record: DatasetRecord, options: Mapping[str, Any] | None = None
) -> None:
    """Launch a run that draws the exploratory page.

    Parameters
    ----------
    options : ``minimal`` and ``downsample``, as the BQAT API has them.
    """
    config = {"ops": {EXPLORATION_OP: {"config": dict(options)}}} if options else None
    await services.dagster.launch(EXPLORE, {COLLECTION_TAG: str(record.id)}, config, record.key)


async def end_explorations(services: Services, record: DatasetRecord) -> None:
    """End the runs that draw, or wait to draw, the exploratory page of a data set."""
    for run in await services.dagster.runs(job=EXPLORE, tags={PARTITION_TAG: record.key}, statuses=LIVE_RUN_STATUSES):
        await services.dagster.terminate(run.id)


def _is_live(run: Run) -> bool:
    return run.status in LIVE_RUN_STATUSES or (run.status == "FAILURE" and run.tags.get(WILL_RETRY_TAG) == "true")


def _is_asked_by_a_person(request: Request) -> bool:
    """Whether a person opened the page: other sites must not cause computing time without a click."""
    other_site = request.headers.get("sec-fetch-site") == "cross-site"
    return not other_site or request.headers.get("sec-fetch-user") == "?1"


def _waiting(record: DatasetRecord, run: Run | None) -> Response:
    started = run is not None and run.started is not None
    where = "is being drawn" if started else "waits to be drawn: one page is drawn at a time"
    return _page(record, f"The page {where}. It appears here by itself; it takes about a minute.", "")


def _page(record: DatasetRecord, sentence: str, offer: str) -> Response:
    """A page of one sentence, with a link that launches the run (`offer` is its text), else refreshing itself."""
    refresh = "" if offer else f'<meta http-equiv="refresh" content="{_REFRESH}">'
    link = f'<p><a href="?again=true">{escape(offer)}</a></p>' if offer else ""
    body = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">{refresh}'
        '<meta name="viewport" content="width=device-width"><title>Exploratory page</title>'
        "<style>body{font:1rem/1.5 sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem}</style></head>"
        f'<body><main><h1>{escape(record.name)}: every column in detail</h1><p role="status">{escape(sentence)}</p>'
        f"{link}</main></body></html>"
    )
    headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"}
    if not offer:
        headers["Retry-After"] = str(_REFRESH)
    return HTMLResponse(body, 202 if not offer else 200, headers)
