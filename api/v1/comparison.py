"""`/v1/comparison`: two data sets, or the last two scans of a data set."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException

from api.http.recent import Recent
from api.report_files import CSP_PAGE
from api.services import ServicesDep
from api.v1.common import cache_headers, etag, find_dataset, is_known, problems, unchanged
from bqat_pipeline.datasets import DatasetRecord

router = APIRouter(prefix="/v1/comparison", tags=["findings"])

_results: Recent[dict[str, Any]] = Recent(16)

Name = Annotated[str, Query(max_length=100, description="Key or id of a data set.", examples=["helen-45a77c3a"])]


@router.get("", responses={**problems(404), 200: {"content": {"text/html": {}}}}, response_class=Response)
async def comparison(
    services: ServicesDep,
    request: Request,
    a: Name,
    b: Name,
    form: Annotated[Literal["json", "html"], Query(alias="format")] = "json",
) -> Response:
    """`b` against `a`, both judged by the rule set of `b`: pass rates, shifts, pictures with another outcome.

    With the same data set twice, its last scan is compared with the one before.
    """

    def read() -> Response:
        from bqat_pipeline.report import NothingToReportError, compare, comparison_page

        store = services.store
        first, second = find_dataset(store, a), find_dataset(store, b)
        manifests = [store.manifest(record.key) for record in (first, second)]
        generations = [manifest.generation if manifest else "" for manifest in manifests]
        facts = [generations, *((record.key, record.name, record.requirements) for record in (first, second))]
        tag = etag(facts, form)
        if is_known(request, tag):
            return unchanged(tag)
        try:
            if form == "html":
                page = comparison_page(store, first.key, second.key)
                return HTMLResponse(page, headers=cache_headers(tag) | {"Content-Security-Policy": CSP_PAGE})
            found = _results.get(etag(facts), lambda: compare(store, first.key, second.key))
        except NothingToReportError as error:
            raise HTTPException(404, str(error)) from error
        body = {"a": _named(first), "b": _named(second), **found}
        return JSONResponse(body, headers=cache_headers(tag))

    return await services.table(read)


def _named(record: DatasetRecord) -> dict[str, str]:
    return {"key": record.key, "name": record.name}
