"""Who may call: an optional key, and browsers only from the pages they belong to."""

import hashlib
import hmac
import ipaddress
import time
from urllib.parse import urlsplit

from fastapi import Response
from starlette.datastructures import Headers
from starlette.requests import cookie_parser

from bqat_pipeline.settings import Settings

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# Answered without a key: liveness for orchestrators, the way to get in, and the documentation.
OPEN_PATHS = frozenset({"/info", "/scan/info", "/validate", "/healthz", "/readyz", "/favicon.ico"})
COOKIE = "bqat_session"
SESSION_SECONDS = 12 * 3600


class Access:
    """Decides about one request from its method, path and headers.

    Parameters
    ----------
    settings : Key, its scope, the allowed origins, the address listened on.
    """

    def __init__(self, settings: Settings) -> None:
        self._key = settings.api_key.get_secret_value()
        self._scope = settings.api_key_scope
        self._origins = frozenset(allowed_origins(settings))
        self._loopback = is_loopback(settings.host)

    def refusal(self, method: str, path: str, headers: Headers) -> tuple[int, str] | None:
        """Status and reason when the request is refused, else None."""
        host = headers.get("host", "")
        if self._loopback and not is_local_name(host):
            # A page of another site that resolved its own name to this machine (DNS rebinding).
            return 403, "this server listens on loopback only and was called by another name; set BQAT_HOST to allow it"
        origin = headers.get("origin")
        if method not in SAFE_METHODS and origin and origin not in self._origins and urlsplit(origin).netloc != host:
            return 403, "changes from this origin are not allowed (BQAT_CORS_ORIGIN)"
        asked = method not in SAFE_METHODS or self._scope == "all"
        if self._key and asked and method != "OPTIONS" and path not in OPEN_PATHS and not self._has_key(headers):
            return 401, "send the key as `X-API-Key` or as `Authorization: Bearer`"
        return None

    def _has_key(self, headers: Headers) -> bool:
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        given = headers.get("x-api-key") or (bearer.strip() if scheme.lower() == "bearer" else "")
        if given:
            return hmac.compare_digest(given.encode(), self._key.encode())
        return _is_session(cookie_parser(headers.get("cookie", "")).get(COOKIE, ""), self._key)


def allowed_origins(settings: Settings) -> list[str]:
    """Origins of front ends: one, or several separated by commas."""
    return [origin.strip().rstrip("/") for origin in settings.cors_origin.split(",") if origin.strip()]


def session_cookie(response: Response, key: str) -> None:
    """Let the browser that showed the key call for some hours; for front ends served from the same site."""
    expiry = str(int(time.time()) + SESSION_SECONDS)
    response.set_cookie(
        COOKIE, f"{expiry}.{_signature(expiry, key)}", max_age=SESSION_SECONDS, httponly=True, samesite="strict"
    )


def _is_session(cookie: str, key: str) -> bool:
    expiry, _, signature = cookie.partition(".")
    return (
        expiry.isdigit()
        and len(expiry) < 16
        and int(expiry) > time.time()
        and hmac.compare_digest(signature.encode(), _signature(expiry, key).encode())
    )


def _signature(expiry: str, key: str) -> str:
    return hmac.new(key.encode(), f"bqat session until {expiry}".encode(), hashlib.sha256).hexdigest()


def is_loopback(host: str) -> bool:
    """Whether an address listened on is reachable from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_local_name(host: str) -> bool:
    """Whether a Host header names an address or localhost, which no other site's name can."""
    name = host.rsplit("@", 1)[-1]
    if name.startswith("["):
        name = name[1:].partition("]")[0]
    elif name.count(":") <= 1:
        name = name.partition(":")[0]
    if name == "localhost" or name.endswith(".localhost") or name == "":
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
