"""`/docs`, `/redoc`: FastAPI's documentation pages, with scripts from an installed package and not from a CDN."""

import base64
import hashlib
import re
from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

_ICON = "/favicon.ico"
_SCRIPTS = "/docs-static"
_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def install(app: FastAPI) -> None:
    """Add the documentation pages to an application."""
    # Only the package's files are used: its class `FastAPIOffline` would take the place of `FastAPI`.
    app.mount(_SCRIPTS, StaticFiles(directory=Path(str(files("fastapi_offline") / "static"))), name="docs-static")
    router = APIRouter(include_in_schema=False)

    @router.get("/docs")
    async def docs(request: Request) -> HTMLResponse:
        root = _root(request)
        return _guarded(
            get_swagger_ui_html(
                openapi_url=f"{root}/openapi.json",
                title=app.title,
                swagger_js_url=f"{root}{_SCRIPTS}/swagger-ui-bundle.js",
                swagger_css_url=f"{root}{_SCRIPTS}/swagger-ui.css",
                swagger_favicon_url=root + _ICON,
            )
        )

    @router.get("/redoc")
    async def redoc(request: Request) -> HTMLResponse:
        root = _root(request)
        return _guarded(
            get_redoc_html(
                openapi_url=f"{root}/openapi.json",
                title=app.title,
                redoc_js_url=f"{root}{_SCRIPTS}/redoc.standalone.js",
                redoc_favicon_url=root + _ICON,
                with_google_fonts=False,
            )
        )

    app.include_router(router)


def _root(request: Request) -> str:
    return str(request.scope.get("root_path", ""))


def _guarded(page: HTMLResponse) -> HTMLResponse:
    """The page with a policy that allows its own scripts and calls to this server, and nothing else."""
    inline = [hashlib.sha256(text.encode()).digest() for text in _INLINE_SCRIPT.findall(bytes(page.body).decode())]
    hashes = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in inline)
    page.headers["Content-Security-Policy"] = (
        f"default-src 'none'; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "font-src 'self' data:; connect-src 'self'; worker-src blob:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'self'"
    )
    return page
