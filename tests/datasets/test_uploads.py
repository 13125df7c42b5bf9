"""Archives are unpacked whole and inside, or not at all."""

import io
import stat
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest

from bqat_pipeline.datasets import Location
from bqat_pipeline.datasets.archives import unpack
from bqat_pipeline.datasets.uploads import Limits, UploadError, UploadTooLargeError, claimed, safe_name

LIMITS = Limits(size=1_000_000, files=10, ratio=100)


def archive(entries: dict[str, bytes], mode: int = stat.S_IFREG | 0o644) -> io.BytesIO:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in entries.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(info, content)
    stream.seek(0)
    return stream


def test_files_are_unpacked_and_side_files_left_out(tmp_path):
    stream = archive({"a/1.jpg": b"one", "2.jpg": b"two", "__MACOSX/a/._1.jpg": b"-", "a/.DS_Store": b"-"})
    result = unpack(stream, Location.parse(tmp_path), "faces.v1.zip", LIMITS)
    assert (result.files, result.size, result.ignored) == (2, 6, 2)
    assert result.folder.local == tmp_path / "faces"
    assert (tmp_path / "faces/a/1.jpg").read_bytes() == b"one"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["faces"]


def test_second_archive_of_a_name_gets_a_suffix(tmp_path):
    first = unpack(archive({"1.jpg": b"1"}), Location.parse(tmp_path), "faces.zip", LIMITS)
    second = unpack(archive({"1.jpg": b"2"}), Location.parse(tmp_path), "faces.zip", LIMITS)
    assert first.folder.name == "faces"
    assert second.folder.name.startswith("faces_") and len(second.folder.name) == len("faces_") + 4
    assert (first.folder.local / "1.jpg").read_bytes() == b"1"


@pytest.mark.parametrize("name", ["../evil.jpg", "/etc/evil.jpg", "a/../../evil.jpg", "C:/evil.jpg", "a/\x01.jpg"])
def test_entries_that_lead_out_are_refused(tmp_path, name):
    with pytest.raises(UploadError, match="not allowed"):
        unpack(archive({"ok.jpg": b"1", name: b"x"}), Location.parse(tmp_path / "up"), "x.zip", LIMITS)
    assert not list((tmp_path / "up").glob("*")) and not (tmp_path / "evil.jpg").exists()


def test_symbolic_links_are_refused(tmp_path):
    with pytest.raises(UploadError, match="symbolic link"):
        unpack(archive({"a.jpg": b"/etc/passwd"}, stat.S_IFLNK), Location.parse(tmp_path), "x.zip", LIMITS)


def test_too_many_files_are_refused(tmp_path):
    with pytest.raises(UploadTooLargeError, match="10 files"):
        unpack(archive({f"{i}.jpg": b"" for i in range(11)}), Location.parse(tmp_path), "x.zip", LIMITS)
    assert not list(tmp_path.iterdir())


def test_bomb_is_refused_by_what_it_holds_not_by_what_it_says(tmp_path):
    with pytest.raises(UploadTooLargeError, match="BQAT_MAX_UPLOAD"):
        unpack(archive({"a.jpg": bytes(5_000_000)}), Location.parse(tmp_path), "x.zip", LIMITS)
    with pytest.raises(UploadTooLargeError, match="BQAT_MAX_ARCHIVE_RATIO"):
        unpack(archive({"a.jpg": bytes(60_000_000)}), Location.parse(tmp_path), "x.zip", Limits(10**9, 10, 100))
    assert not list(tmp_path.iterdir())


def test_directory_that_would_fill_the_memory_is_refused_unread(tmp_path):
    stream = archive({f"{i}{'x' * 200}.jpg": b"" for i in range(100)})
    with pytest.raises(UploadTooLargeError, match="files"):
        unpack(stream, Location.parse(tmp_path), "x.zip", Limits(1_000_000, 5, 100))


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x05\x06" + bytes(10)])
def test_what_is_not_an_archive_is_refused(tmp_path, content):
    with pytest.raises(UploadError):
        unpack(io.BytesIO(content), Location.parse(tmp_path), "x.zip", LIMITS)


def test_damaged_archive_leaves_nothing_behind(tmp_path):
    data = bytearray(archive({"a.jpg": b"hello world" * 100}).getvalue())
    data[40:60] = b"\xff" * 20
    with pytest.raises(UploadError):
        unpack(io.BytesIO(bytes(data)), Location.parse(tmp_path), "x.zip", LIMITS)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ("../../etc/passwd", "passwd"),
        ("a\\b.zip", "b.zip"),
        ("...", "upload"),
        (".hidden", "hidden"),
        ("né.zip", "né.zip"),
    ],
)
def test_safe_names(given, made):
    assert safe_name(given) == made


def test_uploads_of_one_name_at_the_same_time_get_folders_of_their_own(tmp_path):
    start = threading.Barrier(8)

    def upload(number: int) -> Location:
        start.wait()
        if number % 2:  # as pictures without an archive are received
            return claimed(Location.parse(tmp_path / "uploaded"), "set")
        return unpack(archive({"1.jpg": b"one"}), Location.parse(tmp_path / "uploaded"), "set.zip", LIMITS).folder

    for _ in range(5):
        with ThreadPoolExecutor(8) as pool:
            assert len({folder.path for folder in pool.map(upload, range(8))}) == 8
    folders = [sorted(path.name for path in folder.iterdir()) for folder in (tmp_path / "uploaded").iterdir()]
    assert sorted(folders) == [[]] * 20 + [["1.jpg"]] * 20


@pytest.mark.timeout(20)
def test_a_name_taken_by_a_link_that_leads_nowhere_and_a_file_in_place_of_the_folder(tmp_path):
    (tmp_path / "portraits").symlink_to(tmp_path / "gone")
    folder = claimed(Location.parse(str(tmp_path)), "portraits")
    assert folder.local.is_dir() and folder.local.name.startswith("portraits_")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FileExistsError):
        claimed(Location.parse(str(tmp_path / "file")), "portraits")
