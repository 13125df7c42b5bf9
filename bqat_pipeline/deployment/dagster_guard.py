"""An ASGI layer that protects Dagster's webserver, which by itself answers everybody who can reach its port.

The webserver has no users, accepts mutations by GET, and checks neither Origin nor Host: any page that is open in a
browser on this machine could start, stop and reconfigure runs.
"""

import html
from typing import Any
from urllib.parse import parse_qs

from graphql import GraphQLError, OperationDefinitionNode, OperationType, parse
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bqat_pipeline.settings import Settings
from bqat_pipeline.web.access import SAFE_METHODS, Access, Refusal, host_name, listed
from bqat_pipeline.web.keys import SESSION_SECONDS, Key

COOKIE = "bqat_dagster_session"
SIGN_IN = "/sign-in"
# Paths that need no key: the versions, which health checks request, and the page to sign in.
_OPEN = frozenset({"/server_info", SIGN_IN})
_GRAPHQL_TYPES = frozenset({"application/json", "application/graphql"})
_MAX_KEY = 4096


def guard(app: ASGIApp, settings: Settings) -> ASGIApp:
    """The webserver's application behind a guard with the keys, hosts and origins of the settings."""
    urls = (settings.dagster_url, settings.public_dagster_url)
    hosts = [*listed(settings.allowed_hosts), *filter(None, map(_host_of, urls))]
    origins = ["/".join(settings.public_dagster_url.split("/")[:3])]
    access = Access(Key(settings.key_of_dagster, "bqat Dagster UI"), COOKIE, hosts, origins)
    return DagsterGuard(app, access, settings.dagster_root_path)


class DagsterGuard:
    """Refuses requests that neither a person at the UI nor a program with the key would send.

    Parameters
    ----------
    app : The webserver's application.
    access : Hosts, origins and key.
    prefix : Path below which the webserver answers; empty or ``/something``.
    """

    def __init__(self, app: ASGIApp, access: Access, prefix: str = "") -> None:
        self.app = app
        self.access = access
        self.prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        path = scope["path"].removeprefix(self.prefix).rstrip("/") or "/"
        if refusal := self._refusal(scope, path):
            await _refuse(scope, receive, send, refusal)
        elif path == SIGN_IN and scope["type"] == "http":
            await (await self._sign_in(Request(scope, receive)))(scope, receive, send)
        elif path not in _OPEN and (refusal := self.access.missing_key(Headers(scope=scope), _client(scope))):
            if _is_navigation(scope):
                await self._page(refusal.status, "")(scope, receive, send)
            else:
                await _refuse(scope, receive, send, refusal)
        else:
            await self.app(scope, receive, _with_safety_headers(send) if scope["type"] == "http" else send)

    def _refusal(self, scope: Scope, path: str) -> Refusal | None:
        """Why a request is refused whether it has a key or not; None when the UI could have sent it."""
        headers = Headers(scope=scope)
        if refusal := self.access.wrong_host(headers):
            return refusal
        is_graphql = path == "/graphql"
        reads = scope["type"] == "http" and scope["method"] in SAFE_METHODS
        if (not reads or is_graphql) and (refusal := self.access.foreign_page(headers)):
            return refusal
        if not is_graphql or scope["type"] != "http":
            return None
        if reads:
            return _not_a_query(scope["query_string"])
        # Browsers send other types without a preflight, and the webserver then takes the query of the URL.
        if headers.get("content-type", "").partition(";")[0].strip().lower() not in _GRAPHQL_TYPES:
            return Refusal(415, "send GraphQL as application/json")
        return None

    async def _sign_in(self, request: Request) -> Response:
        if request.method != "POST":
            return self._page(200, "")
        client = _client(request.scope)
        if refusal := self.access.too_many_tries(client):
            return self._page(refusal.status, refusal.reason)
        body = b""
        async for block in request.stream():
            body += block
            if len(body) > _MAX_KEY:
                return self._page(413, "That is not the key.")
        given = parse_qs(body.decode("utf-8", "replace")).get("key", [""])[0].strip()
        if not self.access.key.matches(given, client):
            return self._page(401, "That is not the key.")
        response = RedirectResponse(f"{self.prefix}/", 303)
        secure = request.url.scheme == "https"
        response.set_cookie(
            COOKIE,
            self.access.key.session(),
            max_age=SESSION_SECONDS,
            path=f"{self.prefix}/",
            httponly=True,
            samesite="strict",
            secure=secure,
        )
        return response

    def _page(self, status: int, message: str) -> Response:
        page = _PAGE.format(action=html.escape(self.prefix + SIGN_IN), message=html.escape(message))
        headers = {**_SAFETY, "Content-Security-Policy": _PAGE_CSP, "Cache-Control": "no-store"}
        return HTMLResponse(page, status, headers)


_SAFETY = {
    "X-Frame-Options": "SAMEORIGIN",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_PAGE_CSP = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Dagster UI of bqat-pipeline</title>
<style>body{{font:16px system-ui;margin:15vh auto;max-width:24em}}input,button{{font:inherit;padding:.4em}}</style>
<h1>Dagster UI</h1><p role="alert">{message}</p>
<form method="post" action="{action}"><label>Key (BQAT_DAGSTER_KEY, else BQAT_API_KEY)
<input type="password" name="key" autocomplete="current-password" required autofocus></label>
<button>Open</button></form></html>"""


def _not_a_query(query_string: bytes) -> Refusal | None:
    """405 when GraphQL in a URL has an operation that is not a query, 400 when it is invalid; else None."""
    for text in parse_qs(query_string.decode("latin-1"), keep_blank_values=True).get("query", []):
        try:
            definitions = parse(text, no_location=True, max_tokens=10_000).definitions
        except (GraphQLError, RecursionError):
            return Refusal(400, "this is not a GraphQL document")
        operations = [d.operation for d in definitions if isinstance(d, OperationDefinitionNode)]
        if any(operation is not OperationType.QUERY for operation in operations):
            return Refusal(405, "mutations are accepted by POST only", {"Allow": "POST"})
    return None


def _with_safety_headers(send: Send) -> Send:
    async def answer(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _SAFETY.items():
                headers.setdefault(name, value)
        await send(message)

    return answer


async def _refuse(scope: Scope, receive: Receive, send: Send, refusal: Refusal) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": refusal.reason})
        return
    body: dict[str, Any] = {"detail": refusal.reason, "errors": [{"message": refusal.reason}]}
    await JSONResponse(body, refusal.status, dict(refusal.headers))(scope, receive, send)


def _is_navigation(scope: Scope) -> bool:
    """Whether a browser asks for a page, so that a person sees the answer."""
    if scope["type"] != "http" or scope["method"] != "GET":
        return False
    return "text/html" in Headers(scope=scope).get("accept", "")


def _client(scope: Scope) -> str:
    return (scope.get("client") or ("",))[0]


def _host_of(url: str) -> str:
    return host_name(url.partition("://")[2].partition("/")[0])
