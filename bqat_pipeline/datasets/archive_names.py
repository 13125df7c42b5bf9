"""Names by which archives are recognised."""

# Ends of the names of archives that can be unpacked.
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
# Archives that cannot be unpacked are listed all the same, so that a message names them.
_OTHERS = (".7z", ".rar", ".tar.zst", ".tzst")
_ENDS = tuple(end.encode() for end in (*ARCHIVES, *_OTHERS))


def has_archive_name(name: bytes) -> bool:
    """Whether a file is an archive by its name; side files of macOS (``._faces.zip``) are none."""
    return name.lower().endswith(_ENDS) and not name.startswith(b"._")
