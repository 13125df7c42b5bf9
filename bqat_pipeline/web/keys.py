"""Checking of keys: comparison in constant time, a limit on wrong tries, a signed session cookie."""

import hashlib
import hmac
import time
from collections import OrderedDict

from itsdangerous import BadData, TimestampSigner

SESSION_SECONDS = 12 * 3600
# Wrong keys that one client may send within a minute, and clients that are remembered.
WRONG_KEYS = 10
_MINUTE = 60.0
_CLIENTS = 10_000


class Key:
    """One secret, and the recent wrong tries of each client.

    Parameters
    ----------
    secret : The key; empty when no key is required.
    purpose : What session cookies are valid for; cookies made for another purpose are rejected.
    """

    def __init__(self, secret: str, purpose: str) -> None:
        self._secret = secret
        self._signer = TimestampSigner(secret or "unused", salt=purpose, digest_method=hashlib.sha256)
        self._wrong: OrderedDict[str, list[float]] = OrderedDict()

    @property
    def is_set(self) -> bool:
        """Whether a key is required."""
        return bool(self._secret)

    def matches(self, given: str, client: str) -> bool:
        """Whether a text is the key; a wrong one counts as a wrong try of the client."""
        return self.same(given, self._secret, client)

    def same(self, given: str, expected: str, client: str) -> bool:
        """Whether two texts are the same; a difference counts as a wrong try of the client."""
        right = hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())
        if not right:
            tries = self._wrong.setdefault(client, [])
            self._wrong.move_to_end(client)
            tries.append(time.monotonic())
            del tries[:-WRONG_KEYS]
            while len(self._wrong) > _CLIENTS:
                self._wrong.popitem(last=False)
        return right

    def wait(self, client: str) -> int:
        """Seconds until the client may try another key; 0 when it may now."""
        tries = self._wrong.get(client, [])
        if len(tries) < WRONG_KEYS:
            return 0
        left = tries[0] + _MINUTE - time.monotonic()
        return max(0, int(left) + 1) if left > 0 else 0

    def session(self) -> str:
        """Value of a cookie that replaces the key for ``SESSION_SECONDS``; it holds a signature, never the key."""
        return self._signer.sign("session").decode()

    def is_session(self, cookie: str) -> bool:
        """Whether a cookie's value was made by `session` with this key, at most ``SESSION_SECONDS`` ago."""
        try:
            return self.is_set and self._signer.unsign(cookie, max_age=SESSION_SECONDS) == b"session"
        except BadData:
            return False
