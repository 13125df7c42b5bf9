"""Cropped copies of a data set: what is written, what is left alone, and what a stop leaves."""

import csv
import io
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from PIL import Image, ImageOps

from bqat_pipeline.datasets import DatasetStore, Location, Source
from bqat_pipeline.execution.crop_copies import best_copy
from bqat_pipeline.execution.cropping import CroppingError, CropSummary, crop_dataset
from bqat_pipeline.execution.marked_files import mark_of, marked
from bqat_pipeline.face import FaceEngine
from bqat_pipeline.requirements import evaluate_row, load_rule_set
from bqat_pipeline.requirements.crop import Crop as Window
from bqat_pipeline.sample import portraits, sample_files
from bqat_pipeline.settings import Settings

ICAO = load_rule_set("icao-tr-portrait")
# Names that are hard on paths, and formats that are stored losslessly, with an orientation, in grey.
NAMES = ("a.jpg", "b.bmp", "sub/turned.jpg", "=grey, ünd 'more'.png", "..\n hidden.jpg", "gone.jpg", "changed.jpg")
Crop = Callable[..., CropSummary]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict]]:
    """A folder of pictures of one person, and their rows."""
    folder = tmp_path_factory.mktemp("cropping") / "originals"
    portrait = Image.fromarray(portraits()[1][:, :, ::-1]).resize((1024, 1200))
    rows = []
    for name in NAMES:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image, exif = portrait, Image.Exif()
        if "turned" in name:
            image, exif[0x0112] = portrait.rotate(90, expand=True), 6
        if "grey" in name:
            image = portrait.convert("L")
        image.save(path, **({"exif": exif} if "turned" in name else {}))
        rows.append({**FaceEngine().analyse(path), "file": f"data/originals/{name}", "folder": ""})
    (folder / "gone.jpg").unlink()
    (folder / "changed.jpg").write_bytes((folder / "a.jpg").read_bytes() + b"\0")
    return folder, rows


@pytest.fixture
def crop(measured: tuple[Path, list[dict]], tmp_path: Path) -> Crop:
    folder, rows = measured
    sources = [Source(uri=str(folder), prefix="data/originals")]
    record = DatasetStore(Location.parse(tmp_path / "home")).create("one", sources, requirements=ICAO.name)
    settings = Settings(workers=1, home=str(tmp_path / "home"))

    def run(out: Path = tmp_path / "out", rows: list[dict] = rows, **options: object) -> CropSummary:
        return crop_dataset(record, ds.dataset(pa.Table.from_pylist(rows)), ICAO, out, settings, **options)

    return run


def listed(out: Path) -> dict[str, dict[str, str]]:
    with (out / "crops.csv").open(encoding="utf-8-sig", newline="") as stream:
        return {row["file"].removeprefix("data/originals/"): row for row in csv.DictReader(stream)}


def test_copies_are_upright_complete_and_never_enlarged(crop: Crop, tmp_path: Path) -> None:
    summary = crop()
    out, found = tmp_path / "out", listed(tmp_path / "out")
    assert list(found) == list(NAMES)
    assert summary.outcomes == {"cropped": 5, "not possible": 2} and summary.new == 5
    made = {name: row["crop"] for name, row in found.items() if row["crop"]}
    assert set(made) == set(NAMES[:5])
    assert made["b.bmp"] == "b.bmp.png" and made["a.jpg"] == "a.jpg"
    for name, copy in made.items():
        row = found[name]
        with Image.open(out / copy.removeprefix("'")) as image:
            assert image.size == (int(row["width"]), int(row["height"])) and image.getexif().get(0x0112, 1) == 1
            assert image.format == ("PNG" if copy.endswith("png") else "JPEG")
        assert 0 < float(row["scale"]) <= 1
    assert "scan it again" in found["changed.jpg"]["reason"] and "cannot be read" in found["gone.jpg"]["reason"]
    row = FaceEngine().analyse(out / "sub/turned.jpg")
    assert row["status"] == "ok" and 0.6 <= row["aux_head_length_ratio"] <= 0.9
    assert {p.name for p in out.iterdir()} >= {".bqat-copies"}


def test_a_second_call_passes_over_what_is_current(crop: Crop, tmp_path: Path) -> None:
    crop()
    out = tmp_path / "out"
    times = {p: p.stat().st_mtime_ns for p in out.rglob("*.*g")}
    (out / "a.jpg").unlink()
    (out / "b.bmp.png").write_bytes(marked((out / "b.bmp.png").read_bytes(), "0" * 64))  # of another crop
    again = crop()
    assert again.new == 2 and again.outcomes == {"cropped": 5, "not possible": 2}
    changed = {p.name for p in times if p.stat().st_mtime_ns != times[p]}
    assert changed == {"a.jpg", "b.bmp.png"}


def test_a_stop_keeps_and_lists_what_is_done(crop: Crop, tmp_path: Path) -> None:
    def stop(done: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        crop(on_progress=stop)
    out = tmp_path / "out"
    assert list(listed(out)) == list(NAMES[:2]) and not list(out.rglob("*.tmp"))
    assert all(mark_of(out / name) for name in ("a.jpg", "b.bmp.png"))
    assert crop().new <= 3


def test_nothing_that_is_no_crop_is_touched_and_nothing_leaves_the_folder(
    crop: Crop, measured: tuple[Path, list[dict]], tmp_path: Path
) -> None:
    out, other = tmp_path / "out", tmp_path / "other"
    out.mkdir()
    other.mkdir()
    (out / "a.jpg").write_bytes(b"mine")
    (out / "sub").symlink_to(other)
    hostile = dict(measured[1][0])
    names = ("../up.jpg", "/abs.jpg", "x/../../up.jpg", "crops.csv", f"{'n' * 300}.jpg")
    crop(rows=[*measured[1], *(hostile | {"file": f"data/originals/{name}"} for name in names)])
    found = listed(out)
    assert {name for name, row in found.items() if row["outcome"] == "cropped"} == set(NAMES[:5]) - {
        "a.jpg",
        "sub/turned.jpg",
    }
    assert "was there before" in found["a.jpg"]["reason"] and "leads out" in found["sub/turned.jpg"]["reason"]
    assert (out / "a.jpg").read_bytes() == b"mine" and not list(other.iterdir()) and not (out / ".bqat-copies").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["home", "other", "out"]


def test_a_copy_that_is_no_longer_possible_goes(crop: Crop, measured: tuple[Path, list[dict]], tmp_path: Path) -> None:
    crop()
    small = measured[1][0] | {"iso_inter_eye_distance": 60.0}
    assert crop(rows=[small]).outcomes == {"not possible": 1}
    assert not (tmp_path / "out/a.jpg").exists() and (tmp_path / "out/b.bmp.png").exists()


def test_originals_are_never_the_place_of_copies(crop: Crop, measured: tuple[Path, list[dict]], tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(measured[0])
    for place in (measured[0], measured[0] / "sub", tmp_path / "link"):
        with pytest.raises(CroppingError, match="originals"):
            crop(out=place)


def test_a_picture_that_passes_keeps_its_pixels(crop: Crop, measured: tuple[Path, list[dict]], tmp_path: Path) -> None:
    crop()
    folder = measured[0]
    shutil.copy(tmp_path / "out/a.jpg", folder / "framed.jpg")
    row = {**FaceEngine().analyse(folder / "framed.jpg"), "file": "data/originals/framed.jpg", "folder": ""}
    assert crop(rows=[row]).outcomes == {"as it is": 1}
    with Image.open(folder / "framed.jpg") as one, Image.open(tmp_path / "out/framed.jpg") as other:
        assert one.tobytes() == other.tobytes()


def test_a_copy_that_should_pass_is_measured_and_its_verdict_is_that_of_a_scan(
    crop: Crop, measured: tuple[Path, list[dict]], tmp_path: Path
) -> None:
    content = next(content for name, content in sample_files() if name == "portraits/hopper_framed.jpg")
    with Image.open(io.BytesIO(content)) as portrait:
        ImageOps.expand(portrait, 150, "white").save(measured[0] / "room.png")
    row = {**FaceEngine().analyse(measured[0] / "room.png"), "file": "data/originals/room.png", "folder": ""}
    assert evaluate_row(ICAO, row).overall == "fail"
    summary = crop(rows=[*measured[1], row])
    found = listed(tmp_path / "out")
    assert {name: line["verdict_by"] for name, line in found.items() if line["crop"]} == dict.fromkeys(
        NAMES[:5], "calculated"
    ) | {"room.png": "measured"}
    assert summary.measured == 1 and found["room.png"]["verdict"] == "pass"
    assert evaluate_row(ICAO, FaceEngine().analyse(tmp_path / "out/room.png")).overall == "pass"
    again = crop(rows=[*measured[1], row])
    assert again == replace(summary, new=0) and listed(tmp_path / "out") == found


def test_the_window_with_the_best_verdict_is_taken_and_none_is_looked_at_after_a_pass() -> None:
    rules = load_rule_set("recognition")
    rules = rules.model_copy(update={"requirements": rules.requirements[:1]})
    windows = [Window((0, 0), 0, 1, index, 1, ()) for index in range(4)]
    looked: list[int] = []

    def measure(utility: float) -> dict[str, object]:
        looked.append(int(utility))
        return {"status": "ok", "aux_utility": utility} if utility >= 0 else {"status": "no_face"}

    def best(*utilities: float) -> tuple[int, str]:
        looked.clear()
        chosen = best_copy(rules, windows[: len(utilities)], lambda crop: utilities[crop.width], measure)
        return chosen.crop.width, chosen.verdict

    limit, band = rules.requirements[0].min or 0, rules.requirements[0].band
    assert best(limit, limit + 2 * band, 100) == (1, "pass") and len(looked) == 2
    assert best(0, limit, 0, limit) == (1, "borderline") and len(looked) == 4
    assert best(0, 0) == (0, "fail")
    assert best(-1, 0, -1) == (1, "fail")  # -1: no face is found in the copy
    assert best(-1, -1) == (0, "not_assessed")
