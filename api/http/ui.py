"""The review pages (`PAGES`) and their files (`/ui/...`): static files that call nothing but `/v1`."""

import base64
import hashlib
import html
import re
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from api.http.errors import http_problem, is_v1, not_found

UI = Path(__file__).parents[1] / "ui"
# Path below which the files are served; the page itself is served at the paths of `PAGES`.
PREFIX = "/ui/"
# All answer the same HTML page; its script reads the path.
PAGES = ("/", "/datasets/{key}", "/assess", "/compare")

# No dot but the one before the extension, so nothing above the folder; no part longer than file systems allow.
_FILE = re.compile(r"(?:[a-z0-9_-]{1,60}/){0,3}[a-z0-9_-]{1,60}\.(?P<kind>js|css|svg)")
_MEDIA = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
_IMPORT_MAP = re.compile(r'<script type="importmap">(.*?)</script>', re.DOTALL)
# Browsers ask each time whether a file has changed (304): after an update no page mixes old and new files.
_CACHE = "no-cache"


@dataclass(frozen=True, slots=True)
class _File:
    """What is sent of a file, and the tag of its content."""

    content: bytes
    media: str
    tag: str


def is_open(path: str) -> bool:
    """Whether a path belongs to the pages themselves, which hold no data and are answered without a key."""
    page = path in ("/", "/assess", "/compare") or re.fullmatch(r"/datasets/[^/]+", path) is not None
    return page or path.startswith(PREFIX)


def install(app: FastAPI, root_path: str, links: dict[str, str], facts: dict[str, str]) -> None:
    """Add the pages to an application.

    Parameters
    ----------
    root_path : Path below which a proxy serves the facade; empty or ``/something``.
    links, facts : Members of the JSON that `/` answers to programs: paths of this server, and other values.
    """
    page, policy = _page(root_path)
    router = APIRouter(include_in_schema=False)

    guards = {
        "Content-Security-Policy": policy,
        "X-Frame-Options": "DENY",
        "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
        "Vary": "Accept",
    }

    def show_page(request: Request) -> Response:
        answer = _answer(request, page)
        answer.headers.update(guards)
        return answer

    @app.exception_handler(HTTPStatus.NOT_FOUND)
    async def missing(request: Request, error: HTTPException) -> Response:
        """At an address without a route: the page, which says so, for a browser; for programs an error like others."""
        asked = request.method in ("GET", "HEAD") and _asks_for_page(request) and not is_v1(request.scope)
        if "route" in request.scope or not asked:
            return http_problem(request, error)
        return Response(page.content, HTTPStatus.NOT_FOUND, guards, page.media)

    @router.api_route("/", methods=["GET", "HEAD"])
    def front(request: Request) -> Response:
        if not _asks_for_page(request):
            paths = {name: root_path + path for name, path in links.items()}
            return JSONResponse({**facts, **paths}, headers={"Vary": "Accept"})
        return show_page(request)

    for path in PAGES[1:]:
        router.add_api_route(path, show_page, methods=["GET", "HEAD"])

    @router.api_route(PREFIX + "{name:path}", methods=["GET", "HEAD"])
    def ui_file(request: Request, name: str) -> Response:
        found = _FILE.fullmatch(name)
        place = UI / name
        if found is None or not place.is_file():
            raise not_found("the pages have no such file")
        status = place.stat()
        return _answer(request, _read(place, _MEDIA[found["kind"]], status.st_mtime_ns, status.st_size))

    app.include_router(router)


def _asks_for_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _page(root_path: str) -> tuple[_File, str]:
    """The page as served below a path, and its policy, which allows the inline import map by its hash."""
    text = (UI / "index.html").read_text("utf-8").replace("{root}", html.escape(root_path))
    hashes = [hashlib.sha256(script.encode()).digest() for script in _IMPORT_MAP.findall(text)]
    allowed = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in hashes)
    policy = (
        f"default-src 'self'; script-src 'self' {allowed}; style-src 'self'; img-src 'self' data: blob:; "
        "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
    return _file(text.encode(), "text/html"), policy


@lru_cache(maxsize=200)
def _read(place: Path, media: str, changed: int, size: int) -> _File:
    """A file of the pages, read again when it has changed."""
    return _file(place.read_bytes(), media)


def _file(content: bytes, media: str) -> _File:
    return _File(content, f"{media}; charset=utf-8", f'"{hashlib.sha256(content).hexdigest()[:32]}"')


def _answer(request: Request, file: _File) -> Response:
    headers = {"ETag": file.tag, "Cache-Control": _CACHE}
    if file.tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(file.content, media_type=file.media, headers=headers)
