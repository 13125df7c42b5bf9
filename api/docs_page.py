"""`/docs`, `/redoc`: the usual pages, with scripts from an installed package instead of a public CDN."""

from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

_ICON = "/favicon.ico"
_SCRIPTS = "/docs-static"


def install(app: FastAPI) -> None:
    """Add the documentation pages to an application."""
    # The package is used for the files it carries; its own class would replace FastAPI's.
    app.mount(_SCRIPTS, StaticFiles(directory=Path(str(files("fastapi_offline") / "static"))), name="docs-static")
    router = APIRouter(include_in_schema=False)

    @router.get("/docs")
    async def docs() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url="/openapi.json",
            title=app.title,
            swagger_js_url=f"{_SCRIPTS}/swagger-ui-bundle.js",
            swagger_css_url=f"{_SCRIPTS}/swagger-ui.css",
            swagger_favicon_url=_ICON,
        )

    @router.get("/redoc")
    async def redoc() -> HTMLResponse:
        return get_redoc_html(
            openapi_url="/openapi.json",
            title=app.title,
            redoc_js_url=f"{_SCRIPTS}/redoc.standalone.js",
            redoc_favicon_url=_ICON,
            with_google_fonts=False,
        )

    app.include_router(router)
