"""`/docs` and `/redoc`: the usual pages; `/docs` shows a plain list of routes where their scripts cannot be loaded.

Both pages load their scripts from a public CDN in the reader's browser. Without it, for example in a closed network,
the list stays: Swagger UI puts itself in its place when it starts.
"""

from html import escape
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from fastapi.responses import HTMLResponse

_ICON = "/favicon.ico"
_MOUNT = '<div id="swagger-ui">'


def router_for(app: FastAPI) -> APIRouter:
    """Routes of the documentation of an application."""
    router = APIRouter(include_in_schema=False)

    @router.get("/docs")
    async def docs() -> HTMLResponse:
        page = get_swagger_ui_html(openapi_url="/openapi.json", title=app.title, swagger_favicon_url=_ICON)
        text = bytes(page.body).decode()
        return HTMLResponse(text.replace(_MOUNT, _MOUNT + plain_list(app.openapi()), 1))

    @router.get("/redoc")
    async def redoc() -> HTMLResponse:
        return get_redoc_html(
            openapi_url="/openapi.json", title=app.title, redoc_favicon_url=_ICON, with_google_fonts=False
        )

    return router


def plain_list(document: dict[str, Any]) -> str:
    """Every route with its first sentence and its parameters, as HTML without script."""
    groups: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            tag = operation.get("tags", ["about"])[0]
            groups.setdefault(tag, []).append(_route(method.upper(), path, operation))
    sections = (f"<h2>{escape(tag)}</h2><dl>{''.join(routes)}</dl>" for tag, routes in groups.items())
    title = escape(f"{document['info']['title']} {document['info']['version']}")
    return (
        '<main style="font-family:sans-serif;max-width:60rem;margin:1rem auto;padding:0 1rem">'
        f'<h1>{title}</h1><p>Schema: <a href="/openapi.json">/openapi.json</a></p>{"".join(sections)}</main>'
    )


def _route(method: str, path: str, operation: dict[str, Any]) -> str:
    text = (operation.get("description") or operation.get("summary", "")).strip().partition("\n")[0]
    names = ", ".join(p["name"] for p in operation.get("parameters", ()) if p["in"] == "query")
    query = f"<br><small>Query: {escape(names)}</small>" if names else ""
    return f"<dt><code>{method} {escape(path)}</code></dt><dd>{escape(text)}{query}</dd>"
