"""Client paths never leave the data root."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqat_pipeline.datasets import Location
from bqat_pipeline.datasets.confinement import PathNotAllowedError, client_name, resolve_within


@pytest.fixture
def root(tmp_path):
    (tmp_path / "data" / "helen").mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    return Location.parse(tmp_path / "data")


@pytest.mark.parametrize("path", ["data/helen", "helen", "data//helen/", "./data/helen", "data/helen/."])
def test_ways_to_name_a_folder(root, path):
    assert resolve_within(root, path).local == root.local.resolve() / "helen"


@pytest.mark.parametrize(
    "path",
    [
        "../secret",
        "data/../../secret",
        "/etc/passwd",
        "data/helen/../../../secret",
        "..",
        "s3://b/x",
        "C:/x",
        "data\\..\\secret",
        "helen\x00",
        "a" * 5000,
        "data/\x7f",
    ],
)
def test_paths_that_lead_out_are_refused(root, path):
    with pytest.raises(PathNotAllowedError):
        resolve_within(root, path)


def test_links_that_lead_out_are_refused(root, tmp_path):
    (root.local / "link").symlink_to(tmp_path / "secret")
    (root.local / "loop").symlink_to("loop")
    for path in ("data/link", "data/link/file.jpg", "data/loop"):
        with pytest.raises(PathNotAllowedError):
            resolve_within(root, path)


@given(st.text("ab./\\~%", max_size=20))
def test_whatever_is_answered_lies_inside(tmp_path_factory, text):
    base = tmp_path_factory.getbasetemp() / "anyroot"
    base.mkdir(exist_ok=True)
    try:
        place = resolve_within(Location.parse(base), text)
    except PathNotAllowedError:
        return
    assert place.local.is_relative_to(base.resolve())


def test_client_name_is_the_way_back(root, tmp_path):
    assert client_name(root, resolve_within(root, "data/helen")) == "data/helen"
    assert client_name(root, Location.parse(tmp_path / "secret")) is None
