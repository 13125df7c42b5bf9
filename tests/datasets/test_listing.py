"""Listing: which files of a folder become rows, and in which order."""

import os
import socket
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bqat_pipeline.datasets import Source
from bqat_pipeline.datasets.listing import NameFilter, Skipped, list_source


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
    skipped = Skipped()
    found = {f.name: f.problem for f in list_source(Source(uri=str(folder), prefix="x"), NameFilter(), skipped)}
    assert found == {
        "dangling.jpg": "broken_link",
        "inside.jpg": "",
        "loop.jpg": "broken_link",
        "out.jpg": "link_outside",
        "real.jpg": "",
        "sub/inner.jpg": "",
    }
    assert skipped.counts == {"linked_folder": 2}


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
