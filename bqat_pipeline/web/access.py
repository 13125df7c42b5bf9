"""Access control by Host header, origin and key, the same for the REST facade and the Dagster UI."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from bqat_pipeline.web.addresses import is_address
from bqat_pipeline.web.keys import Key

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+(?:%[\w.-]+)?\]|[^:\[\]@/\s]*)(?::\d{1,5})?")
_ANY = "*"


@dataclass(frozen=True)
class Refusal:
    """The answer to a request that is refused: HTTP status, sentence and headers."""

    status: int
    reason: str
    headers: Mapping[str, str] = field(default_factory=dict)


class Access:
    """Decides on requests by their headers.

    Parameters
    ----------
    key : The key that clients must send, if one is set.
    cookie : Name of the session cookie that replaces the key in browsers.
    hosts : Names by which the server may be called, besides addresses and localhost; ``*`` for any.
    origins : Origins whose pages may send requests that change something, besides the server's own.
    """

    def __init__(self, key: Key, cookie: str, hosts: Iterable[str], origins: Iterable[str]) -> None:
        self.key = key
        self.cookie = cookie
        self._hosts = frozenset(name.lower() for name in hosts)
        self._origins = frozenset(origin.lower() for origin in origins)

    def wrong_host(self, headers: Mapping[str, str]) -> Refusal | None:
        """403 when the Host header has a name that may be another site's (DNS rebinding); else None."""
        name = host_name(headers.get("host", ""))
        if _ANY in self._hosts or name in self._hosts or is_local_name(name):
            return None
        return Refusal(403, "this server was called by a name that it does not know; list it in BQAT_ALLOWED_HOSTS")

    def foreign_page(self, headers: Mapping[str, str]) -> Refusal | None:
        """403 when, by the browser's headers, a page of another site makes the request; else None."""
        origin = headers.get("origin", "").lower()
        if origin:
            allowed = origin in self._origins or self._is_own(origin, headers.get("host", "").lower())
        else:
            allowed = headers.get("sec-fetch-site", "none").lower() in ("none", "same-origin")
        if allowed:
            return None
        return Refusal(403, "changes from this origin are not allowed (BQAT_CORS_ORIGIN, BQAT_ALLOWED_HOSTS)")

    def missing_key(self, headers: Mapping[str, str], client: str) -> Refusal | None:
        """401 without the right key, 429 after too many wrong ones; None with it, or when no key is set."""
        if not self.key.is_set:
            return None
        given = given_key(headers)
        if not given:
            if self.key.is_session(_cookies(headers).get(self.cookie, "")):
                return None
        elif refusal := self.too_many_tries(client):
            return refusal
        elif self.key.matches(given, client):
            return None
        why = "send the key as `X-API-Key` or as `Authorization: Bearer`"
        return Refusal(401, why, {"WWW-Authenticate": "Bearer"})

    def too_many_tries(self, client: str) -> Refusal | None:
        """429 when a client has sent too many wrong keys within a minute; else None."""
        if seconds := self.key.wait(client):
            return Refusal(429, f"too many wrong keys; try again in {seconds} s", {"Retry-After": str(seconds)})
        return None

    def is_known_page(self, headers: Mapping[str, str]) -> bool:
        """Whether, by the browser's headers, the page that embeds a response belongs to an allowed origin."""
        page = headers.get("origin") or headers.get("referer", "")
        parts = urlsplit(page.lower())
        return "null" in self._origins or f"{parts.scheme}://{parts.netloc}" in self._origins

    def _is_own(self, origin: str, host: str) -> bool:
        netloc = urlsplit(origin).netloc
        # A proxy may rewrite the Host header: a listed name at its scheme's own port is this server as well.
        return bool(netloc) and (netloc == host or netloc in self._hosts)


def given_key(headers: Mapping[str, str]) -> str:
    """The key that a request carries in a header; empty when there is none."""
    scheme, _, bearer = headers.get("authorization", "").partition(" ")
    return headers.get("x-api-key", "") or (bearer.strip() if scheme.lower() == "bearer" else "")


def listed(text: str) -> list[str]:
    """Entries of a setting that are separated by commas, without spaces and slashes at their ends."""
    return [entry.strip().rstrip("/") for entry in text.split(",") if entry.strip()]


def host_name(host: str) -> str:
    """Name or address in a Host header, lower case, without brackets and port; the whole text when it is neither."""
    found = _HOST.fullmatch(host)
    if found is None:
        return host.lower()
    return found["name"].strip("[]").lower().removesuffix(".")


def is_local_name(name: str) -> bool:
    """Whether a name is an address or localhost, which cannot be the name of another site."""
    return name in ("", "localhost") or name.endswith(".localhost") or is_address(name)


def _cookies(headers: Mapping[str, str]) -> dict[str, str]:
    pairs = (part.partition("=") for part in headers.get("cookie", "").split(";"))
    return {name.strip(): value.strip() for name, _, value in pairs}
