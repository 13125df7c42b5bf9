"""Metadata CSVs are joined by file name, whatever they hold."""

from pathlib import Path

import pyarrow as pa
import pytest

from bqat_pipeline.datasets import Location
from bqat_pipeline.report.metadata import Metadata, MetadataError, read_metadata


def _read(tmp_path: Path, text: str, *wanted: str) -> Metadata:
    path = tmp_path / "meta.csv"
    path.write_text(text)
    return read_metadata(Location.parse(path), wanted, ["data/faces"])


def _join(metadata: Metadata, column: str, *files: str) -> list[str]:
    return metadata.join(pa.record_batch({"file": list(files)}))[column].to_pylist()


def test_joined_by_base_name(tmp_path: Path) -> None:
    metadata = _read(tmp_path, "file,device\n1.jpg,kiosk\n2.jpg,phone\n3.jpg,\n")
    assert _join(metadata, "device", "data/faces/a/2.jpg", "1.jpg", "data/faces/3.jpg", "x.jpg") == [
        "phone",
        "kiosk",
        "(no value)",
        "(no value)",
    ]


def test_joined_by_path_when_the_csv_names_folders(tmp_path: Path) -> None:
    metadata = _read(tmp_path, "device,path\nkiosk,a/1.jpg\nphone,data/faces/b/1.jpg\n")
    assert _join(metadata, "device", "data/faces/a/1.jpg", "data/faces/b/1.jpg", "data/faces/c/1.jpg") == [
        "kiosk",
        "phone",
        "(no value)",
    ]


def test_columns_with_a_value_for_each_picture_are_no_groups(tmp_path: Path) -> None:
    lines = "".join(f"{i}.jpg,{i},{'ab'[i % 2]},same\n" for i in range(200))
    assert _read(tmp_path, f"file,number,device,constant\n{lines}").columns == ("device",)


def test_first_line_of_a_file_named_twice_holds(tmp_path: Path) -> None:
    assert _join(_read(tmp_path, "file,d\n1.jpg,a\n1.jpg,b\n"), "d", "1.jpg") == ["a"]


def test_broken_lines_are_passed_over(tmp_path: Path) -> None:
    assert _join(_read(tmp_path, "file,d\n1.jpg,a\nbroken\n2.jpg,b\n"), "d", "2.jpg") == ["b"]


def test_missing_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(MetadataError, match="has no column camera"):
        _read(tmp_path, "file,device\n1.jpg,a\n", "camera")


def test_missing_file_is_an_error_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(MetadataError, match=r"gone\.csv"):
        read_metadata(Location.parse(tmp_path / "gone.csv"), (), ())
