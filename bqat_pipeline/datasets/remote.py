"""Requests to S3: few, and tried again when they fail in passing."""

import random
import time
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

_R = TypeVar("_R")

# Waits before each further try, seconds, on the average. Arrow's own client tries some errors again before that.
_WAITS = (0.2, 0.6, 1.5)
# No further try after this time: it is no passing fault then, and somebody waits.
_SECONDS = 5.0


def with_options(uri: str) -> str:
    """The URI with what we want of Arrow's S3 client beside what it says.

    With delayed open a small file is one PUT; without, it is a multipart upload of three requests.
    """
    parts = urlsplit(uri)
    if parts.scheme != "s3" or "allow_delayed_open" in dict(parse_qsl(parts.query)):
        return uri
    query = "&".join(filter(None, [parts.query, urlencode({"allow_delayed_open": "true"})]))
    return urlunsplit(parts._replace(query=query))


def again(request: Callable[[], _R]) -> _R:
    """The result of a request, tried again for a moment when it is refused or breaks off.

    Raises
    ------
    FileNotFoundError : at once.
    OSError : the last one, when no try succeeds.
    """
    began = time.monotonic()
    for wait in _WAITS:
        try:
            return request()
        except FileNotFoundError:
            raise
        except OSError:
            if time.monotonic() - began > _SECONDS:
                raise
            time.sleep(wait * random.uniform(0.5, 1.5))
    return request()
