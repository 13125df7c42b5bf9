"""What a listing passes over: counted, the first few named, and looked at where it may be a picture after all."""

from collections import Counter
from collections.abc import Callable, Iterable

from bqat_pipeline.datasets.archive_names import has_archive_name
from bqat_pipeline.datasets.records import PassedOver

# Names of each kind that are kept; the counts are exact.
_NAMED = 20
HEAD = 16  # bytes of a file by which a picture is known
# Files looked at, in all and of one extension: opening a file costs a look at the disk, or a request to S3.
_LOOKS_LOCAL = (1_000, 50)
_LOOKS_REMOTE = (20, 5)


class PassedOverTally:
    """Counts of one listing, over all its sources."""

    def __init__(self) -> None:
        self._unreadable = self._linked = self._kept = self._copies = self._others = self._pictures = 0
        self._unreadable_names: list[str] = []
        self._unreadable_reasons: dict[str, None] = {}  # in order
        self._archives = 0
        self._archive_names: list[str] = []
        self._picture_names: list[str] = []
        self._looked = 0
        self._looks: Counter[bytes] = Counter()  # by extension

    def unreadable_folder(self, name: str, reason: str) -> None:
        """Count a folder that could not be listed.

        Parameters
        ----------
        reason : What the system said.
        """
        self._unreadable += 1
        _keep(self._unreadable_names, name)
        if len(self._unreadable_reasons) < _NAMED:
            self._unreadable_reasons[reason] = None

    def linked_folder(self) -> None:
        """Count a link to a folder, which is not followed."""
        self._linked += 1

    def copies(self) -> None:
        """Count a folder of changed copies that preprocessing made of other pictures."""
        self._copies += 1

    def kept_file(self) -> None:
        """Count a file below an unreadable folder, that an earlier listing found there."""
        self._kept += 1

    def archive(self, name: str) -> None:
        """Count an archive, whose pictures are no rows until it is unpacked."""
        self._archives += 1
        _keep(self._archive_names, name)

    def other_files(
        self, names: Iterable[bytes], folder: str, head: Callable[[bytes], bytes] | None, local: bool
    ) -> None:
        """Count files of one folder that do not match.

        Parameters
        ----------
        folder : Name of the folder, with a slash at its end, as clients know it.
        head : First bytes of a file, empty when there are none; None: the files are left out on purpose, not looked at.
        """
        most, most_of_one = _LOOKS_LOCAL if local else _LOOKS_REMOTE
        for name in names:
            self._others += 1
            if has_archive_name(name):
                self.archive(folder + name.decode("utf-8", "backslashreplace"))
            extension = name.rpartition(b".")[2].lower()[:20] if b"." in name else b""
            if head is None or self._looked >= most or self._looks[extension] >= most_of_one:
                continue
            self._looks[extension] += 1
            self._looked += 1
            if begins_like_a_picture(head(name)):
                self._pictures += 1
                _keep(self._picture_names, folder + name.decode("utf-8", "backslashreplace"))

    def result(self) -> PassedOver:
        return PassedOver(
            unreadable_folders=self._unreadable,
            unreadable_folder_names=self._unreadable_names,
            unreadable_folder_reasons=list(self._unreadable_reasons),
            kept_files=self._kept,
            linked_folders=self._linked,
            folders_of_copies=self._copies,
            archives=self._archives,
            archive_names=self._archive_names,
            other_files=self._others,
            other_files_looked_at=self._looked,
            other_pictures=self._pictures,
            other_picture_names=self._picture_names,
        )


def begins_like_a_picture(head: bytes) -> bool:
    """Whether the first bytes of a file are those of a format that the decoders read."""
    return bool(picture_extension(head))


def picture_extension(head: bytes) -> str:
    """Usual extension of the format that a file's first 16 bytes are those of; empty when no decoder reads it."""
    for magic, extension in _MAGIC:
        if head.startswith(magic):
            return extension
    if head.startswith(b"RIFF"):
        return "webp" if head[8:12] == b"WEBP" else ""
    if head.startswith(b"BM"):  # two letters alone are also text: then come size and four reserved bytes
        return "bmp" if len(head) >= 10 and head[6:10] == bytes(4) else ""
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "")
    if head[4:8] == b"jP  ":
        return "jp2"
    is_pnm = head[:1] == b"P" and head[1:2] in b"123456" and head[2:3] in b" \t\r\n" and len(head) > 2
    return "pnm" if is_pnm else ""


_MAGIC = (
    (b"\xff\xd8\xff", "jpg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF8", "gif"),
    (b"II*\0", "tif"),
    (b"MM\0*", "tif"),
    (b"\xff\x4f\xff\x51", "j2k"),
)
_BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"heif", b"mif1", b"msf1"), "heic"),
    **dict.fromkeys((b"avif", b"avis"), "avif"),
}


def _keep(names: list[str], name: str) -> None:
    if len(names) < _NAMED:
        names.append(name)
