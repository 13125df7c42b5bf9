"""Archives as people have them: names in other makers' habits, archives in archives, tar; and hostile ones."""

import errno
import io
import random
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest

from bqat_pipeline.datasets import Location
from bqat_pipeline.datasets.archives import unpack
from bqat_pipeline.datasets.uploads import Limits, NoRoomError, UploadError, UploadTooLargeError

LIMITS = Limits(size=1_000_000, files=10, ratio=100)


def zip_of(
    entries: list[tuple[bytes, bytes]], *, flags: int = 0, extra: bytes = b"", content: bytes = b"x"
) -> io.BytesIO:
    """A zip archive with names in given bytes; `entries` are pairs of name and extra field."""
    body, directory = b"", b""
    for name, own in entries:
        more = own or extra
        head = struct.pack(
            "<HHHHHIIIHH", 20, flags, 0, 0, 33, zlib.crc32(content), len(content), len(content), len(name), len(more)
        )
        offset = len(body)
        body += b"PK\3\4" + head + name + more + content
        directory += b"PK\1\2" + b"\x14\3" + head + struct.pack("<HHHII", 0, 0, 0, 0, offset) + name + more
    end = struct.pack("<HHHHIIH", 0, 0, len(entries), len(entries), len(directory), len(body), 0)
    return io.BytesIO(body + directory + b"PK\5\6" + end)


def unicode_path(raw: bytes, name: str) -> bytes:
    """Info-ZIP's extra field with a name in UTF-8."""
    body = b"\1" + struct.pack("<L", zlib.crc32(raw)) + name.encode()
    return struct.pack("<HH", 0x7075, len(body)) + body


def tar_of(entries: dict[str, bytes], mode: str = "w:gz") -> io.BytesIO:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as target:
        for name, content in entries.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            target.addfile(info, io.BytesIO(content))
    stream.seek(0)
    return stream


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def unpacked(stream: io.BytesIO, folder: Path, name: str = "set.zip", limits: Limits = LIMITS) -> list[str]:
    return names(unpack(stream, Location.parse(folder), name, limits).folder.local)


def test_back_slashes_separate(tmp_path: Path):
    stream = zip_of([(b"faces\\", b""), (b"faces\\a.jpg", b""), (b"faces\\sub\\b.jpg", b"")])
    assert unpacked(stream, tmp_path) == ["faces/a.jpg", "faces/sub/b.jpg"]


def test_a_refused_name_is_shown_as_it_is_spelled(tmp_path: Path) -> None:
    with pytest.raises(UploadError) as refused:
        unpacked(zip_of([(b"C:\\Users\\a.jpg", b"")]), tmp_path)
    assert r"'C:\Users\a.jpg'" in str(refused.value)


@pytest.mark.parametrize(
    "name", [b"..\\evil.jpg", b"a\\..\\..\\evil.jpg", b"C:\\evil.jpg", b"\\\\host\\evil.jpg", b"\\evil.jpg"]
)
def test_back_slashes_lead_nowhere_else(tmp_path: Path, name: bytes):
    with pytest.raises(UploadError, match="not allowed"):
        unpacked(zip_of([(b"ok.jpg", b""), (name, b"")]), tmp_path / "up")
    assert names(tmp_path) == []


def test_unmarked_utf8_is_utf8(tmp_path: Path):
    result = unpack(zip_of([("Müller/Zoë.jpg".encode(), b"")]), Location.parse(tmp_path), "a.zip", LIMITS)
    assert names(result.folder.local) == ["Müller/Zoë.jpg"] and result.notes == ()


def test_name_of_the_extra_field_holds_when_its_checksum_does(tmp_path: Path):
    raw = "写真.jpg".encode("shift_jis")
    good = unicode_path(raw, "写真.jpg")
    assert unpacked(zip_of([(raw, good)]), tmp_path / "good") == ["写真.jpg"]
    stale = unicode_path(b"another name", "写真.jpg")
    result = unpack(zip_of([(raw, stale)]), Location.parse(tmp_path / "stale"), "a.zip", LIMITS)
    assert names(result.folder.local) == [raw.decode("cp437")]
    evil = unicode_path(b"1.jpg", "../evil.jpg")
    with pytest.raises(UploadError, match="not allowed"):
        unpacked(zip_of([(b"1.jpg", evil)]), tmp_path / "evil")


def test_other_unmarked_names_are_code_page_437_and_noted(tmp_path: Path):
    result = unpack(zip_of([("André.jpg".encode("cp437"), b"")]), Location.parse(tmp_path), "a.zip", LIMITS)
    assert names(result.folder.local) == ["André.jpg"]
    assert "1 file" in result.notes[0] and "code page 437" in result.notes[0] and "André.jpg" in result.notes[0]


def test_archives_in_an_archive_are_named(tmp_path: Path):
    with pytest.raises(UploadError, match=r"nested\.zip: .*no pictures, but 2 files: 2 \.zip.*one archive"):
        unpacked(zip_of([(b"batch1.zip", b""), (b"batch2.zip", b"")]), tmp_path, "nested.zip")
    assert list(tmp_path.iterdir()) == []
    result = unpack(zip_of([(b"a.jpg", b""), (b"b.tgz", b"")]), Location.parse(tmp_path), "mixed.zip", LIMITS)
    assert "1 file in the archive" in result.notes[0]


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_tar_archives_are_unpacked(tmp_path: Path, mode: str):
    stream = tar_of({"faces/a.jpg": b"one", "faces/._a.jpg": b"-", "faces/deep/b.png": b"two"}, mode)
    result = unpack(stream, Location.parse(tmp_path), "faces.tar.gz", LIMITS)
    assert (result.files, result.size, result.ignored) == (2, 6, 1)
    assert names(tmp_path) == ["faces/faces/a.jpg", "faces/faces/deep/b.png"]
    assert (tmp_path / "faces/faces/a.jpg").read_bytes() == b"one"


@pytest.mark.parametrize("name", ["../evil.jpg", "/etc/evil.jpg", "a/../../evil.jpg", "a\\..\\..\\evil.jpg"])
def test_tar_entries_that_lead_out_are_refused(tmp_path: Path, name: str):
    with pytest.raises(UploadError, match="not allowed"):
        unpacked(tar_of({"ok.jpg": b"1", name: b"x"}), tmp_path / "up")
    assert names(tmp_path) == []


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_tar_links_and_devices_are_refused(tmp_path: Path, kind: bytes):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as target:
        info = tarfile.TarInfo("a.jpg")
        info.type, info.linkname = kind, "/etc/passwd"
        target.addfile(info)
    with pytest.raises(UploadError, match=r"link|no file"):
        unpacked(stream, tmp_path)
    assert names(tmp_path) == []


def test_tar_bombs_are_refused_by_what_comes_out(tmp_path: Path):
    with pytest.raises(UploadTooLargeError, match="BQAT_MAX_UPLOAD"):
        unpacked(tar_of({"a.jpg": bytes(5_000_000)}), tmp_path)
    with pytest.raises(UploadTooLargeError, match="BQAT_MAX_UPLOAD_FILES"):
        unpacked(tar_of({f"{n}.jpg": b"x" for n in range(11)}), tmp_path)
    with pytest.raises(UploadTooLargeError):  # bytes of what is left out count too
        unpacked(tar_of({f"__MACOSX/{n}": bytes(500_000) for n in range(30)}), tmp_path)
    long_name = tar_of({"a.jpg": b"x", "n" * 5_000_000: b"x"})
    with pytest.raises(UploadError):
        unpacked(long_name, tmp_path)
    assert names(tmp_path) == []


@pytest.mark.parametrize("cut", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_damaged_tar_archives_leave_nothing_behind(tmp_path: Path, mode: str, cut: float):
    made_up = random.Random(1)
    data = tar_of({"a.jpg": made_up.randbytes(60_000), "b.jpg": made_up.randbytes(60_000)}, mode).getvalue()
    data = data[: int(120_000 * cut)]
    with pytest.raises(UploadError, match=r"cannot be read|neither"):
        unpacked(io.BytesIO(data), tmp_path)
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("head", "name"),
    [(b"7z\xbc\xaf\x27\x1c", "7z"), (b"Rar!\x1a\x07\x01\0", "RAR"), (b"\x28\xb5\x2f\xfd", "Zstandard")],
)
def test_other_formats_are_named(tmp_path: Path, head: bytes, name: str):
    with pytest.raises(UploadError, match=f"{name} archives are not read"):
        unpacked(io.BytesIO(head + bytes(1000)), tmp_path)


@pytest.mark.parametrize("path", ["x/" * 2000 + "1.jpg", "/".join(["n" * 250] * 16) + "/1.jpg", "n" * 300 + ".jpg"])
@pytest.mark.parametrize("form", ["zip", "tar"])
def test_paths_that_no_disk_takes_are_refused_in_one_sentence(tmp_path: Path, path: str, form: str):
    stream = zip_of([(path.encode(), b"")]) if form == "zip" else tar_of({path: b"x"})
    with pytest.raises(UploadError) as refused:
        unpacked(stream, tmp_path)
    assert len(str(refused.value)) < 300 and names(tmp_path) == []


def test_name_that_is_too_long_is_shown_without_its_middle_beside_the_limit(tmp_path: Path):
    with pytest.raises(UploadError) as refused:
        unpacked(zip_of([(("\u00e9" * 150 + "-end.jpg").encode(), b"")]), tmp_path)
    assert "a name of more than 255 bytes: '\u00e9" in str(refused.value)
    assert str(refused.value).endswith("-end.jpg'") and len(str(refused.value)) < 200
    with pytest.raises(UploadError) as refused:
        unpacked(tar_of({"\udce9" * 300: b"x"}), tmp_path)
    assert "more than 255 bytes" in str(refused.value) and len(str(refused.value)) < 200


def test_compression_that_is_not_known_is_a_refusal(tmp_path: Path):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as target:
        target.writestr("1.jpg", b"x")
    content = stream.getvalue().replace(b"\x14\0\0\0\0\0", b"\x14\0\0\0\x63\0")  # method 99 instead of 0
    with pytest.raises(UploadError, match=r"cannot be read: .*compression"):
        unpacked(io.BytesIO(content), tmp_path)


def test_too_many_files_are_refused_by_the_directory_before_one_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    large = io.BytesIO()
    with zipfile.ZipFile(large, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("1.jpg", bytes(5000))

    def forbidden(*_: object) -> None:
        raise AssertionError("a file was unpacked")

    monkeypatch.setattr(zipfile.ZipFile, "open", forbidden)
    with pytest.raises(UploadTooLargeError, match="12 files; the limit is 10 files"):
        unpacked(zip_of([(f"{n}.jpg".encode(), b"") for n in range(12)]), tmp_path)
    with pytest.raises(UploadTooLargeError, match="BQAT_MAX_UPLOAD"):
        unpacked(large, tmp_path, limits=Limits(3500, 10, 100))


def test_full_disk_is_the_servers_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("bqat_pipeline.datasets.archives.unpacking.copy_stream", full)
    with pytest.raises(NoRoomError, match="no room"):
        unpacked(zip_of([(b"1.jpg", b"")]), tmp_path)
    assert names(tmp_path) == []
