"""Face records of ISO/IEC 19794-5 and 39794-5: recognised, not read; the message says how to extract the picture."""

_ISO_19794_5 = b"FAC\0"
# First bytes of BER: a record of ISO/IEC 39794-5, and data group 2 of a passport's chip (ICAO 9303).
_BER = {0x65: "an ISO/IEC 39794-5 face record", 0x75: "a passport chip's data group 2, which holds a face record"}
_PICTURES = (
    (b"\xff\xd8\xff", "jpg"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "jp2"),
    (b"\xff\x4f\xff\x51", "j2k"),
    (b"\x89PNG\r\n\x1a\n", "png"),
)
_REACH = 1 << 16  # bytes searched for the picture; other parts of a record come before it


def face_record(content: bytes) -> str | None:
    """A sentence on what kind of face record a file is and how to extract its picture; None for other files."""
    kind = "an ISO/IEC 19794-5 face record" if content.startswith(_ISO_19794_5) else _by_ber(content)
    if kind is None:
        return None
    found = [(place, suffix) for mark, suffix in _PICTURES if (place := content.find(mark, 0, _REACH)) >= 0]
    if not found:
        return f"the file is {kind}, not a picture; no JPEG, JPEG 2000 or PNG was found in it"
    place, suffix = min(found)
    return (
        f"the file is {kind}, not a picture; its picture begins at byte {place}: "
        f"extract it with `tail -c +{place + 1} RECORD > picture.{suffix}`"
    )


def _by_ber(content: bytes) -> str | None:
    """Kind of a BER structure whose outermost length is that of the file."""
    if len(content) < 4 or content[0] not in _BER:
        return None
    short = content[1] < 0x80
    digits = 0 if short else content[1] & 0x7F
    if digits > 4:
        return None
    length = content[1] if short else int.from_bytes(content[2 : 2 + digits], "big")
    return _BER[content[0]] if 2 + digits + length == len(content) else None
