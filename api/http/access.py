"""Who may call the facade: an optional key, and browsers only from the pages they belong to."""

from fastapi import Response
from starlette.datastructures import Headers

from api.http import ui
from bqat_pipeline.settings import Settings
from bqat_pipeline.web.access import SAFE_METHODS, Access, Refusal, listed
from bqat_pipeline.web.keys import SESSION_SECONDS, Key

# Answered without a key: health for orchestrators, the check of a key (`/validate`), and the server's name.
OPEN_PATHS = frozenset({"/info", "/scan/info", "/validate", "/healthz", "/readyz", "/favicon.ico"})
COOKIE = "bqat_session"


def _is_open(method: str, path: str) -> bool:
    return path in OPEN_PATHS or (method in SAFE_METHODS and ui.is_open(path))


class FacadeAccess:
    """Decides about one request from its method, path and headers.

    Parameters
    ----------
    settings : Key, its scope, allowed names and origins.
    """

    def __init__(self, settings: Settings) -> None:
        key = Key(settings.api_key.get_secret_value(), "bqat session")
        self.rule = Access(key, COOKIE, listed(settings.allowed_hosts), listed(settings.cors_origin))
        self._scope = settings.api_key_scope

    def refusal(self, method: str, path: str, headers: Headers, client: str) -> Refusal | None:
        """Why the request is refused, else None."""
        changes = method not in SAFE_METHODS
        if refusal := self.rule.wrong_host(headers):
            return refusal
        if changes and (refusal := self.rule.foreign_page(headers)):
            return refusal
        if (changes or self._scope == "all") and method != "OPTIONS" and not _is_open(method, path):
            return self.rule.missing_key(headers, client)
        return None

    def set_session_cookie(self, response: Response, *, secure: bool) -> None:
        """Give a browser that sent the right key a session cookie; for front ends served from the same site.

        Parameters
        ----------
        response : Answer that gets the cookie, valid for `SESSION_SECONDS`.
        secure : Whether the browser may send the cookie over HTTPS only.
        """
        response.set_cookie(
            COOKIE,
            self.rule.key.session(),
            max_age=SESSION_SECONDS,
            httponly=True,
            samesite="strict",
            secure=secure,
        )
