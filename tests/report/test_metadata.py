"""Metadata tables are joined by file name, however a table is written and its names are spelled."""

import tracemalloc
import unicodedata
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from bqat_pipeline.datasets import DatasetRecord, DatasetStore, Location
from bqat_pipeline.report import MetadataError, ReportOptions, write_report
from bqat_pipeline.report.metadata import Metadata, read_metadata

NAMES = ["Müller.jpg", "Zoë.jpg", "0001.jpg", "IMG_2.JPG", "sub/x.jpg", "sub/y.jpg"]
SITES = ["north", "north", "south", "south", "north", "south"]
BASE = [name.rsplit("/", 1)[-1] for name in NAMES]
# As macOS stores them: letters and accents apart.
PICTURES = [f"data/faces/{unicodedata.normalize('NFD', name)}" for name in NAMES]


def _read(tmp_path: Path, text: str | bytes, *wanted: str) -> Metadata:
    path = tmp_path / "meta.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_metadata(Location.parse(path), wanted, ["data/faces"])


def _profiles(tmp_path: Path, *files: str) -> ds.Dataset:
    pq.write_table(pa.table({"file": list(files)}), tmp_path / "profiles.parquet")
    return ds.dataset(tmp_path / "profiles.parquet")


def _join(metadata: Metadata, column: str, *files: str) -> list[str]:
    return metadata.join(pa.record_batch({"file": list(files)}))[column].to_pylist()


def _lines(names: list[str], separator: str = ",", head: str = "file") -> str:
    lines = [separator.join((head, "site")), *(separator.join(pair) for pair in zip(names, SITES, strict=True))]
    return "\r\n".join(lines) + "\r\n"


@pytest.mark.parametrize(
    "table",
    [
        pytest.param(_lines(BASE).encode(), id="composed letters"),
        pytest.param(_lines([unicodedata.normalize("NFD", name) for name in BASE]).encode(), id="letters apart"),
        pytest.param(_lines(BASE, ";").encode(), id="semicolon"),
        pytest.param(_lines(BASE, "\t").encode(), id="tab"),
        pytest.param(("sep=;\r\n" + _lines(BASE, ";")).encode(), id="sep line"),
        pytest.param(_lines(BASE).encode("utf-8-sig"), id="byte-order mark"),
        pytest.param(_lines(BASE, "\t").encode("utf-16"), id="Unicode text of Excel"),
        pytest.param(_lines(BASE).encode("utf-16-le"), id="UTF-16 without mark"),
        pytest.param(_lines(BASE).encode("utf-32"), id="UTF-32"),
        pytest.param(_lines(BASE).encode("cp1252"), id="Windows-1252"),
        pytest.param(_lines([name.rsplit(".", 1)[0] for name in BASE]).encode(), id="no extension"),
        pytest.param(_lines([name.upper() for name in BASE]).encode(), id="other case"),
        pytest.param(_lines(BASE, head=" File ").encode(), id="header in other case"),
        pytest.param(_lines([f"C:\\data\\faces\\{n}".replace("/", "\\") for n in NAMES]).encode(), id="Windows paths"),
        pytest.param(_lines([f"./{name}" for name in NAMES]).encode(), id="dot slash"),
        pytest.param(_lines(PICTURES).encode(), id="paths of the profiles"),
        pytest.param(_lines([f"old {k}/{name}" for k, name in enumerate(BASE)]).encode(), id="other folders"),
    ],
)
def test_every_picture_finds_its_line(tmp_path: Path, table: bytes) -> None:
    metadata = _read(tmp_path, table)
    coverage = metadata.fit(_profiles(tmp_path, *PICTURES))
    assert (coverage.matched, coverage.pictures, coverage.unused) == (6, 6, 0)
    assert _join(metadata, "site", *PICTURES) == SITES


def test_what_does_not_fit_is_counted(tmp_path: Path) -> None:
    metadata = _read(tmp_path, "file,site\n0001.jpg,north\ngone.jpg,south\nalso gone.jpg,south\nbroken\n")
    sentence = metadata.fit(_profiles(tmp_path, *PICTURES)).sentence
    assert sentence == "1 of 6 pictures are in meta.csv, 2 lines matched nothing, 1 broken line passed over"


def test_lines_of_one_picture_that_differ_are_counted(tmp_path: Path) -> None:
    metadata = _read(
        tmp_path, "file,site\n0001.jpg,north\n0001.jpg,south\nx.jpg,north\nx.jpg,north\n9.jpg,a\n9.jpg,b\n"
    )
    coverage = metadata.fit(_profiles(tmp_path, *PICTURES))
    assert coverage.contradicted == 1
    assert coverage.sentence.endswith("; 1 picture named by several lines that differ, the first is used")
    assert _join(metadata, "site", *PICTURES)[2] == "north"


@pytest.mark.parametrize("separator", [",", ";"])
def test_a_table_without_a_header_keeps_its_first_line(tmp_path: Path, separator: str) -> None:
    lines = "".join(f"{site}{separator}{name}\n" for name, site in zip(BASE, SITES, strict=True))
    metadata = _read(tmp_path, lines)
    coverage = metadata.fit(_profiles(tmp_path, *PICTURES))
    assert coverage.matched == 6 and "without a header: its columns are numbered" in coverage.sentence
    assert metadata.columns == ("column 1",)
    assert _join(metadata, "column 1", *PICTURES) == SITES


def test_a_first_line_that_may_be_a_picture_without_extension_is_told(tmp_path: Path) -> None:
    text = "0001,north\nIMG_2,south\nx,north\n"
    assert (
        "a picture is called 0001: add a header" in _read(tmp_path, text).fit(_profiles(tmp_path, *PICTURES)).sentence
    )
    assert not _read(tmp_path, f"name,site\n{text}").fit(_profiles(tmp_path, *PICTURES)).header


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('file,site\n0001.jpg,"north\nx.jpg,south\ny.jpg,south\n', 2),
        ('file,site\n0001.jpg,north\nIMG_2.jpg,"south\nx.jpg,"south"\ny.jpg,north\n', 3),
        ('file,site,note\n0001.jpg,north,"a ""b"" \nx.jpg,south,\n', 2),
        ('"file\n0001.jpg\n', 1),
    ],
)
def test_a_quote_that_hides_lines_is_refused_with_its_line(tmp_path: Path, text: str, line: int) -> None:
    with pytest.raises(MetadataError, match=rf"line {line} of .* opens a quote"):
        _read(tmp_path, text)


def test_quotes_and_line_breaks_inside_cells_are_text(tmp_path: Path) -> None:
    text = 'file,site,note\n"0001.jpg","north","two\nlines"\nIMG_2.JPG,south,5" lens\nx.jpg,south,"say ""a, b"""\n'
    metadata = _read(tmp_path, text)
    assert metadata.fit(_profiles(tmp_path, *PICTURES)).matched == 3
    assert _join(metadata, "note", *PICTURES)[2:5] == ["two\nlines", '5" lens', 'say "a, b"']


def test_names_that_differ_in_case_alone_are_told_apart(tmp_path: Path) -> None:
    metadata = _read(tmp_path, "file,d\na.jpg,lower\nA.jpg,upper\n")
    files = ("data/faces/A.jpg", "data/faces/a.jpg", "data/faces/a.JPG")
    assert _join(metadata, "d", *files) == ["upper", "lower", "(no value)"]


def test_a_base_name_in_two_folders_of_the_table_fits_nothing_by_itself(tmp_path: Path) -> None:
    metadata = _read(tmp_path, "file,d\nold/a/1.jpg,a\nold/b/1.jpg,b\nold/b/2.jpg,b\n")
    metadata.fit(_profiles(tmp_path, "data/faces/1.jpg", "data/faces/2.jpg"))
    assert _join(metadata, "d", "data/faces/1.jpg", "data/faces/2.jpg") == ["(no value)", "b"]


def test_an_ending_that_is_no_extension_belongs_to_the_name(tmp_path: Path) -> None:
    metadata = _read(tmp_path, "file,d\njohn.doe,a\njohn.smith,b\n")
    assert _join(metadata, "d", "data/faces/john.smith.jpg", "data/faces/john.jpg") == ["b", "(no value)"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04 xlsx", "Excel workbook"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0", "not a text file"),
        (b"", "cannot be read"),
    ],
)
def test_what_is_no_table_is_said_in_a_sentence(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(MetadataError, match=message):
        _read(tmp_path, content)


def test_a_long_table_takes_little_memory_for_each_line(tmp_path: Path) -> None:
    lines = 200_000
    text = "file,site,text\n" + "".join(
        f"{i:07d}.jpg,{i % 7},some words that nobody groups by {i}\n" for i in range(lines)
    )
    (tmp_path / "meta.csv").write_text(text)
    tracemalloc.start()
    metadata = read_metadata(Location.parse(tmp_path / "meta.csv"), (), ())
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert metadata.columns == ("site",)
    assert kept / lines < 100


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


def test_a_table_that_can_no_longer_be_read_never_fails_a_report(
    store: DatasetStore, made_up: DatasetRecord, tmp_path: Path
) -> None:
    table = tmp_path / "meta.csv"
    store.save(made_up.model_copy(update={"metadata_csv": str(table)}))
    for content in (b"\xff\xfe\0", b'"', b"a\n" * 3, b"file,x\n" + b"\x81\n" * 9):
        table.write_bytes(content)
        notes = write_report(store, made_up.key, ReportOptions(thumbnails="none"))["notes"]
        assert any(note.startswith(("Metadata: 0 of 600", "Groups by metadata are missing")) for note in notes), notes
