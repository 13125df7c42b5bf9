"""What the Content-Disposition header of an uploaded part says, in every form that clients write it."""

from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import collapse_rfc2231_value

_HEADER = "content-disposition"


@dataclass(frozen=True, slots=True)
class Disposition:
    """Names of an uploaded part.

    Attributes
    ----------
    part : Name of the form field.
    filename : The client's name for the file; None when none is given, as for plain fields.
    """

    part: str
    filename: str | None


def read_disposition(value: bytes) -> Disposition:
    """The names in a header: plain (UTF-8), as `filename*=utf-8''...` (RFC 5987) or as encoded words (RFC 2047)."""
    message = Message()
    message[_HEADER] = value.decode("utf-8", "replace").replace("\r", " ").replace("\n", " ")
    return Disposition(_parameter(message, "name") or "", _parameter(message, "filename"))


def _parameter(message: Message, name: str) -> str | None:
    try:
        found = message.get_param(name, header=_HEADER)
        text = None if found is None else collapse_rfc2231_value(found)
    except (LookupError, ValueError, TypeError):  # not valid by RFC 2231: there is a name, but it cannot be read
        return ""
    if text is None or "=?" not in text:
        return text
    try:
        return str(make_header(decode_header(text)))
    except (HeaderParseError, LookupError, ValueError):
        return text
