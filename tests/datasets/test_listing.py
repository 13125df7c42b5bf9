"""Listing: which files of a folder become rows, and in which order."""

import os
import socket
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bqat_pipeline.datasets import ScanOptions, Source
from bqat_pipeline.datasets.listing import NameFilter, SourceUnreadableError, has_images, list_source
from bqat_pipeline.datasets.passed_over import PassedOverTally


def listed(folder: Path, extensions: list[str] | None = None, pattern: str | None = None, files=None):
    source = Source(uri=str(folder), prefix="data/x", files=files)
    return {found.name: found.problem for found in list_source(source, NameFilter(extensions, pattern))}


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def test_folders_are_listed_recursively_in_the_order_of_their_paths(tmp_path):
    touch(tmp_path, "b.jpg", "a/2.png", "a/1.jpg", "a.jpg", "a/deep/er/3.JPG", "notes.txt")
    assert list(listed(tmp_path)) == ["a.jpg", "a/1.jpg", "a/2.png", "a/deep/er/3.JPG", "b.jpg"]


@settings(max_examples=30, deadline=None)
@given(names=st.sets(st.text("ab.-/", min_size=1, max_size=8).filter(lambda t: "//" not in t), max_size=12))
def test_order_is_that_of_the_bytes_of_the_paths(names, tmp_path_factory):
    folder = tmp_path_factory.mktemp("order")
    for name in names:
        parts = [part for part in name.split("/") if part.strip(".")]
        path = folder.joinpath(*(f"d{part}" for part in parts)).with_suffix("")
        path.mkdir(parents=True, exist_ok=True)
        (path / f"{'f'.join(parts)}.jpg").touch()
        (folder / f"{'-'.join(parts)}.jpg").touch()
    found = list(listed(folder))
    assert found == sorted(found, key=str.encode)


def test_extensions_are_compared_without_regard_to_case(tmp_path):
    touch(tmp_path, "a.JPG", "b.Jpg", "c.png", "d.jpeg")
    assert list(listed(tmp_path, ["jpg"])) == ["a.JPG", "b.Jpg"]


def test_pattern_is_searched_in_the_name_up_to_the_first_dot(tmp_path):
    touch(tmp_path, "face.front.jpg", "x_front.jpg", "frontal/other.jpg")
    assert list(listed(tmp_path, pattern="front")) == ["x_front.jpg"]
    assert list(listed(tmp_path, pattern="^face$")) == ["face.front.jpg"]


def test_bad_pattern_is_refused_before_anything_is_listed():
    with pytest.raises(ValueError, match="regular expression"):
        NameFilter(pattern="(")


def test_pattern_takes_linear_time(tmp_path):
    touch(tmp_path, "a" * 60 + "b.jpg")
    assert listed(tmp_path, pattern="(a+)+$") == {}  # exponential in a backtracking engine


def test_hidden_and_side_files_are_passed_over(tmp_path):
    touch(tmp_path, ".hidden.jpg", "._a.jpg", "__MACOSX/a.jpg", ".git/a.jpg", "a.jpg")
    assert list(listed(tmp_path)) == ["a.jpg"]


def test_links_are_read_only_when_they_stay_inside(tmp_path):
    folder = tmp_path / "set"
    touch(folder, "real.jpg", "sub/inner.jpg")
    touch(tmp_path, "outside/secret.jpg")
    (folder / "inside.jpg").symlink_to("sub/inner.jpg")
    (folder / "out.jpg").symlink_to(tmp_path / "outside/secret.jpg")
    (folder / "loop.jpg").symlink_to("loop.jpg")
    (folder / "dangling.jpg").symlink_to("nowhere.jpg")
    (folder / "folder").symlink_to(tmp_path / "outside")
    (folder / "self").symlink_to(folder)
    tally = PassedOverTally()
    found = {f.name: f.problem for f in list_source(Source(uri=str(folder), prefix="x"), NameFilter(), tally)}
    assert found == {
        "dangling.jpg": "broken_link",
        "inside.jpg": "",
        "loop.jpg": "broken_link",
        "out.jpg": "link_outside",
        "real.jpg": "",
        "sub/inner.jpg": "",
    }
    assert tally.result().linked_folders == 2


def test_pipes_and_sockets_become_rows_without_being_opened(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe.jpg")
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.jpg")
        assert listed(tmp_path) == {"pipe.jpg": "not_a_file", "socket.jpg": "not_a_file"}


def test_names_that_are_not_utf8_are_listed(tmp_path):
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jpg"))).touch()
    assert list(listed(tmp_path)) == ["caf\\xe9.jpg"]


def test_named_files_stay_inside_the_folder(tmp_path):
    folder = tmp_path / "set"
    touch(folder, "a.jpg", "sub/b.jpg")
    touch(tmp_path, "secret.jpg")
    (folder / "linked").symlink_to(tmp_path)
    names = ["sub/b.jpg", "../secret.jpg", "linked/secret.jpg", "gone.jpg", "a.jpg", "a.jpg"]
    assert listed(folder, files=names) == {
        "../secret.jpg": "link_outside",
        "a.jpg": "",
        "gone.jpg": "not_found",
        "linked/secret.jpg": "link_outside",
        "sub/b.jpg": "",
    }


def test_missing_folder_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        listed(tmp_path / "nowhere")


def passed_over(folder: Path, **chosen):
    tally = PassedOverTally()
    list(list_source(Source(uri=str(folder), prefix="data/x"), NameFilter(**chosen), tally))
    return tally.result()


HEADS = {
    "jpeg": b"\xff\xd8\xff\xe0",
    "png": b"\x89PNG\r\n\x1a\n",
    "gif": b"GIF89a",
    "webp": b"RIFF\x10\0\0\0WEBP",
    "bmp": b"BM\x10\0\0\0\0\0\0\0",
    "tiff": b"II*\0",
    "jp2": b"\0\0\0\x0cjP  \r\n",
    "codestream": b"\xff\x4f\xff\x51",
    "heic": b"\0\0\0\x18ftypheic",
    "avif": b"\0\0\0\x18ftypavif",
    "ppm": b"P6\n1 1\n",
}


def test_pictures_under_other_names_are_counted_and_named(tmp_path):
    for name, head in HEADS.items():
        (tmp_path / f"{name}.jpg_large").write_bytes(head + b"rest")
    for name, head in {
        "a.txt": b"text",
        "b": b"",
        "c.bin": b"BMW",
        "d.zip": b"PK\3\4",
        "e.wav": b"RIFF\0\0\0\0WAVE",
    }.items():
        (tmp_path / name).write_bytes(head)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("png.jpg_large")
    (tmp_path / "ok.jpg").write_bytes(HEADS["jpeg"])
    found = passed_over(tmp_path)
    assert (found.other_files, found.other_pictures) == (18, 11)
    assert found.other_picture_names[0].startswith("data/x/")
    assert {name.removeprefix("data/x/") for name in found.other_picture_names} == {f"{n}.jpg_large" for n in HEADS}


def test_number_of_files_that_are_looked_at_is_bounded(tmp_path):
    for number in range(120):
        (tmp_path / f"{number:03d}.dat").write_bytes(HEADS["jpeg"])
        (tmp_path / f"{number:03d}.xyz").write_bytes(b"other")
    found = passed_over(tmp_path)
    assert (found.other_files, found.other_files_looked_at, found.other_pictures) == (240, 100, 50)
    assert len(found.other_picture_names) == 20
    assert "240 other files were passed over, of which at least 50 begin like a picture" in found.warnings()[0]


def test_files_that_somebody_chose_to_leave_out_are_counted_and_not_looked_at(tmp_path):
    (tmp_path / "a.jpg").write_bytes(HEADS["jpeg"])
    (tmp_path / "b.png").write_bytes(HEADS["png"])
    for chosen in ({"extensions": ["jpg"]}, {"pattern": "^a"}):
        found = passed_over(tmp_path, **chosen)
        assert (found.other_files, found.other_files_looked_at, found.warnings()) == (1, 0, [])


def test_folder_without_a_listed_picture_says_what_else_there_is(tmp_path):
    source = Source(uri=str(tmp_path), prefix="data/x")
    assert not has_images(source, ScanOptions())
    (tmp_path / "photo.jpg_large").write_bytes(HEADS["jpeg"])
    with pytest.raises(SourceUnreadableError, match=r"no pictures in data/x: .*data/x/photo.jpg_large"):
        has_images(source, ScanOptions())


def test_folder_of_archives_says_what_to_do_with_them(tmp_path):
    for name in ("a.zip", "b.tar.gz", ".hidden.zip", "._side.zip", "c.7z"):
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(SourceUnreadableError) as refused:
        has_images(Source(uri=str(tmp_path), prefix="data/x"), ScanOptions())
    text = str(refused.value)
    assert text.startswith("there are no pictures in data/x: 4 archives are not unpacked: data/x/")
    assert {"data/x/.hidden.zip", "data/x/a.zip", "data/x/b.tar.gz", "data/x/c.7z"} == set(
        text.split(": ")[2].split(";")[0].split(", ")
    )
    assert "unpack them first" in text
    (tmp_path / "ok.jpg").write_bytes(HEADS["jpeg"])
    found = passed_over(tmp_path)
    assert found.warnings() == [] and found.notes()[1].startswith("4 archives are not unpacked: data/x/")
    assert found.notes(names=False) == ["3 other files were passed over", "4 archives are not unpacked"]


def test_common_other_extensions_are_taken_up(tmp_path):
    names = ["a.pjpeg", "b.mpo", "c.jpc", "d.j2c", "e.jpx", "f.jpf"]
    touch(tmp_path, *names)
    assert list(listed(tmp_path)) == names


def test_source_that_goes_away_while_it_is_listed_is_an_error(tmp_path):
    folder = tmp_path / "set"
    touch(folder, "a/1.jpg", "b/2.jpg")
    files = list_source(Source(uri=str(folder), prefix="x"), NameFilter())
    assert next(files).name == "a/1.jpg"
    folder.rename(tmp_path / "away")
    with pytest.raises(FileNotFoundError, match="is it mounted"):
        list(files)


def test_source_whose_name_is_not_utf8_is_refused_in_a_sentence(tmp_path):
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    odd.mkdir()
    with pytest.raises(SourceUnreadableError, match=r"caf\\xe9 is not UTF-8; rename it"):
        listed(odd)


def test_folder_whose_name_is_not_utf8_is_entered(tmp_path):
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    odd.mkdir()
    (odd / "1.jpg").touch()
    assert list(listed(tmp_path)) == ["caf\\xe9/1.jpg"]
