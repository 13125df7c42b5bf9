"""Partition keys of data sets: also folder names and parts of URLs."""

import re
import unicodedata
from uuid import UUID

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def is_key(text: str) -> bool:
    """Whether a text can be a partition key."""
    return bool(_KEY.fullmatch(text)) and ".." not in text


def make_key(name: str, collection: UUID) -> str:
    """``<slug of name>-<first 8 of uuid>``, at most 100 characters."""
    return f"{slug(name)}-{str(collection)[:8]}"


def slug(name: str) -> str:
    """The name in lower-case ASCII letters, digits and dashes, at most 80 of them."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "-", ascii_name).strip("-").lower()[:80].rstrip("-") or "dataset"
