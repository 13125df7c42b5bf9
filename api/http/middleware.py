"""Around every request: an id, one log line, metrics, security headers, limits, and one spelling of each path."""

import logging
import re
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.access import FacadeAccess
from api.http.errors import fault, problem_of
from api.http.metrics import Metrics
from bqat_pipeline.web.access import Refusal

logger = logging.getLogger("bqat.api")

_REQUEST_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
# Most bytes of a request that is not an upload: room for a list of 100,000 paths or a picture in base64.
MAX_BODY = 64_000_000
# Bytes that an upload may have on top of its files: the framing of its parts.
_FRAMING = 64_000_000
# Folder pages keep their trailing slash: browsers resolve relative links against it.
_KEEP_SLASH = "/warehouse/"

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    # Routes that answer a page set their own policy.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'self'",
}


class RequestMiddleware:
    """Outermost layer after CORS: gives each request an id, checks access and size, logs and counts it, sets headers.

    Parameters
    ----------
    access : Decides who may call.
    max_upload : Largest upload in bytes.
    root_path : Path below which a proxy serves the facade, whether it strips it or not; empty or ``/something``.
    """

    def __init__(
        self, app: ASGIApp, access: FacadeAccess, metrics: Metrics, max_upload: int, root_path: str = ""
    ) -> None:
        self.app = app
        self.access = access
        self.metrics = metrics
        self.max_upload = max_upload
        self.root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else str(uuid.uuid4())
        scope.setdefault("state", {})["request_id"] = request_id
        path = self._below_root(scope["path"])
        if len(path) > 1 and path.endswith("/") and not path.startswith(_KEEP_SLASH):
            path = path.rstrip("/") or "/"
        if self.root_path or path != scope["path"]:
            scope["root_path"] = self.root_path
            scope["path"] = self.root_path + path
            scope["raw_path"] = scope["path"].encode("utf-8", "surrogateescape")
        started, status = time.perf_counter(), 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                out = MutableHeaders(scope=message)
                out["X-Request-ID"] = request_id
                for name, value in _HEADERS.items():
                    out.setdefault(name, value)
                known = self.access.rule.is_known_page(headers)
                out.setdefault("Cross-Origin-Resource-Policy", "cross-origin" if known else "same-site")
            await send(message)

        limited = _LimitedBody(receive, self._limit(headers))
        try:
            client = (scope.get("client") or ("",))[0]
            refusal = self.access.refusal(scope["method"], path, headers, client)
            if refusal is not None:
                await _refuse(scope, limited, answer, refusal)
            elif limited.announced_too_large(headers):
                await _refuse(scope, limited, answer, Refusal(413, limited.reason))
            else:
                await self.app(scope, limited, answer)
        except _BodyTooLargeError:
            if status == 0:
                await _refuse(scope, limited, answer, Refusal(413, limited.reason))
        except ClientDisconnect:
            pass  # the client went away before its answer, which is no fault; its log line has status 0
        except Exception:  # last resort: the client still gets an answer, and the log the request's id
            logger.exception("request %s failed", request_id)
            if status:
                raise
            await fault(scope)(scope, limited, answer)
        finally:
            seconds = time.perf_counter() - started
            route = getattr(scope.get("route"), "path", "") or "unknown"
            self.metrics.request(scope["method"], route, status, seconds)
            logger.info(
                "%s %s %s %.1f ms",
                scope["method"],
                _printable(path),
                status,
                1000 * seconds,
                extra={"request_id": request_id, "status": status, "ms": round(1000 * seconds, 1)},
            )

    def _below_root(self, path: str) -> str:
        """A path without the prefix of a proxy that did not strip it."""
        if self.root_path and (path == self.root_path or path.startswith(self.root_path + "/")):
            return path.removeprefix(self.root_path) or "/"
        return path

    def _limit(self, headers: Headers) -> int:
        upload = headers.get("content-type", "").lower().startswith("multipart/")
        return self.max_upload + _FRAMING if upload else min(MAX_BODY, self.max_upload + _FRAMING)


class _BodyTooLargeError(Exception):
    """More bytes came than the request may have."""


class _LimitedBody:
    """A request body that raises `_BodyTooLargeError` beyond its limit."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._size = 0

    @property
    def reason(self) -> str:
        return f"the request is larger than {self._limit} bytes (BQAT_MAX_UPLOAD)"

    def announced_too_large(self, headers: Headers) -> bool:
        length = headers.get("content-length", "")
        return length.isdigit() and int(length[:20]) > self._limit

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._size += len(message.get("body", b""))
            if self._size > self._limit:
                raise _BodyTooLargeError
        return message


async def _refuse(scope: Scope, receive: Receive, send: Send, refusal: Refusal) -> None:
    response = problem_of(scope, refusal.status, refusal.reason)
    response.headers.update(refusal.headers)
    await response(scope, receive, send)


def _printable(path: str) -> str:
    """A path for a log line: nothing in it can begin another line."""
    return path[:500].encode("unicode_escape").decode()
