"""Files of a report, served so that nothing in them can run or reach out."""

import json
import mimetypes
import re
from dataclasses import dataclass

from fastapi import Request, Response

from api.http.errors import not_found
from api.services import Services
from bqat_pipeline.datasets import DatasetStore, Location, UnknownDatasetError
from bqat_pipeline.datasets.report_folder import EXPLORATION, NUMBERS, PAGE

# Reports that may be served under each stricter choice of `BQAT_THUMBNAILS`.
_SHOWS_NO_MORE = {"blurred": ("blurred", "none"), "none": ("none",)}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}\.(html|json|csv|parquet|svg|ndjson)")

# The summary page holds no script; the EDA page of ydata-profiling brings its own, inline. Sandboxed: no access to this
# server's origin, and no request to anywhere.
CSP_PAGE = (
    "default-src 'none'; img-src data: 'self'; style-src 'unsafe-inline'; font-src data:; "
    "form-action 'none'; frame-ancestors 'self'; base-uri 'none'; sandbox allow-downloads allow-popups "
    "allow-top-navigation-by-user-activation"
)
CSP_EDA = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; font-src data:; "
    "form-action 'none'; frame-ancestors 'self'; base-uri 'none'; sandbox allow-scripts allow-downloads"
)
CSP_NOTHING = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"


@dataclass(frozen=True, slots=True)
class ReportFile:
    """A file of a report.

    Attributes
    ----------
    of_table : Whether the report is of an uploaded table: a page of ydata-profiling, without pictures.
    """

    place: Location
    of_table: bool


def find_report_file(store: DatasetStore, dataset_id: str, name: str) -> ReportFile | None:
    """A file of the report of a data set or of an uploaded table, or None.

    Raises
    ------
    UnknownDatasetError : when the id is neither that of a data set nor a UUID.
    """
    if not _NAME.fullmatch(name) or ".." in name:
        return None
    try:
        found = ReportFile(store.report(store.find(dataset_id).key) / name, of_table=False)
    except UnknownDatasetError:
        found = ReportFile(store.uploaded_table(dataset_id).report / name, of_table=True)
    return found if found.place.is_file() else None


async def report_response(services: Services, request: Request, dataset_id: str, name: str) -> Response:
    """A report file with its media type, an ETag and a Content-Security-Policy.

    Raises
    ------
    HTTPException : 404 when there is no such file, or when its pictures show more than `BQAT_THUMBNAILS` allows now.
    """
    found = await services.quick(find_report_file, services.store, dataset_id, name)
    if found is None:
        raise not_found(f"Report of {dataset_id} not found")
    place = found.place
    if name == PAGE and not await services.quick(_may_show, found, services.settings.thumbnails):
        raise not_found(
            f"Report of {dataset_id} shows more than BQAT_THUMBNAILS={services.settings.thumbnails} allows; "
            "make the report again"
        )
    info = await services.quick(place.info)
    etag = f'"{info.mtime_ns or 0:x}-{info.size or 0:x}"'
    headers = {
        "ETag": etag,
        "Cache-Control": "private, no-cache",
        "Content-Security-Policy": _policy(found),
    }
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    if name.endswith(".html"):
        media = "text/html; charset=utf-8"
    else:
        media = mimetypes.guess_type(name)[0] or "application/octet-stream"
        headers["Content-Disposition"] = f'attachment; filename="{name}"'
    content = await services.quick(place.read_bytes)
    if name == PAGE:
        from bqat_pipeline.report.page import with_eda_link  # the report's code takes 5 MB

        content = with_eda_link(content.decode(), drawn=False).encode()
    return Response(content, media_type=media, headers=headers)


def _may_show(page: ReportFile, allowed: str) -> bool:
    """Whether a page shows no more of the faces than is allowed now; it may be older than the setting."""
    if allowed == "full" or page.of_table:
        return True
    try:
        made_with = json.loads((page.place.parent / NUMBERS).read_bytes())["dataset"]["thumbnails"]
    except (OSError, ValueError, LookupError, TypeError):
        return False
    return made_with in _SHOWS_NO_MORE[allowed]


def _policy(file: ReportFile) -> str:
    """Content-Security-Policy of a report file."""
    if file.place.name == EXPLORATION or file.of_table:
        return CSP_EDA
    return CSP_PAGE if file.place.name == PAGE else CSP_NOTHING
