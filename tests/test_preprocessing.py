"""Changed copies of pictures."""

import io
from pathlib import Path

import pytest
from PIL import Image

from bqat_pipeline.datasets import Location
from bqat_pipeline.datasets.confinement import PathNotAllowedError
from bqat_pipeline.execution.preprocessing import WRITABLE, PreprocessingError, Recipe, preprocess
from bqat_pipeline.face import FaceEngine
from bqat_pipeline.requirements import evaluate_row, load_rule_set
from bqat_pipeline.sample import portraits
from tests.face.pictures import with_damaged_exif


def picture(folder: Path, name: str, size: tuple[int, int] = (60, 40), mode: str = "RGB") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, 90).save(path)
    return path


def copies(root: Path, recipe: Recipe, extensions: list[str] | None = None, pattern: str = "", **limits: int):
    return preprocess(
        Location.parse(root), "data/bob", "data/bob_1", extensions or ["png", "jpg"], recipe, pattern=pattern, **limits
    )


def made(root: Path) -> list[str]:
    folder = root / "bob_1" / "bob"
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_width_comes_before_scale(tmp_path: Path):
    picture(tmp_path / "bob", "a.png")
    copies(tmp_path, Recipe(scale=2, resize=30))
    assert Image.open(tmp_path / "bob_1/bob/a.png").size == (60, 40)


@pytest.mark.parametrize("convert", sorted(WRITABLE))
@pytest.mark.parametrize("mode", ["grayscale", "greyscale", "bw", "rgb", "rgba", "hsv", "cmyk", "ycbcr"])
def test_every_colour_space_can_be_written_in_every_format(tmp_path: Path, convert: str, mode: str):
    picture(tmp_path / "bob", "a.png")
    assert copies(tmp_path, Recipe(convert=convert, mode=mode)).done == 1
    with Image.open(tmp_path / f"bob_1/bob/a.{convert}") as image:
        image.load()
        assert image.size == (60, 40)


def test_grey_copies_of_all_kinds_of_pictures(tmp_path: Path):
    for mode in ("1", "L", "LA", "P", "RGBA", "I;16"):
        picture(tmp_path / "bob", f"{mode.replace(';', '')}.png", mode=mode)
    assert copies(tmp_path, Recipe(mode="grayscale")).done == 6
    assert {Image.open(tmp_path / "bob_1/bob" / name).mode for name in made(tmp_path)} == {"L"}


def test_folders_are_kept_and_names_do_not_collide(tmp_path: Path):
    for name in ("a.png", "a.jpg", "sub/a.png", "note.txt"):
        if name.endswith("txt"):
            (tmp_path / "bob" / name).write_text("x")
        else:
            picture(tmp_path / "bob", name)
    assert copies(tmp_path, Recipe(convert="webp")).done == 3
    assert made(tmp_path) == ["a.webp", "a_png.webp", "sub/a.webp"]


def test_every_picture_gets_a_copy_whatever_the_names_have_in_common(tmp_path: Path):
    for number, name in enumerate(("a.png", "a.jpg", "a.JPG", "a.Jpg", "a_jpg.png")):
        picture(tmp_path / "bob", name, (20 + number, 20))
    assert copies(tmp_path, Recipe(convert="png")).done == 5
    assert {Image.open(tmp_path / "bob_1/bob" / name).width for name in made(tmp_path)} == {20, 21, 22, 23, 24}


def test_pattern_and_extensions_choose_the_files(tmp_path: Path):
    for name in ("front.png", "side_front.png", "frontal.png", "front.jpg"):
        picture(tmp_path / "bob", name)
    copies(tmp_path, Recipe(), ["png"], pattern="front")
    assert made(tmp_path) == ["front.png", "side_front.png"]


def test_broken_pictures_are_counted_and_left_out(tmp_path: Path):
    picture(tmp_path / "bob", "good.png")
    (tmp_path / "bob" / "bad.png").write_bytes(b"no picture")
    picture(tmp_path / "bob", "large.png", (300, 300))
    outcome = copies(tmp_path, Recipe(), max_pixels=10_000)
    assert (outcome.done, outcome.failed) == (1, 2)
    assert any("BQAT_MAX_PIXELS" in reason for reason in outcome.reasons)
    assert made(tmp_path) == ["good.png"]


def test_copies_that_would_be_too_large_are_refused(tmp_path: Path):
    picture(tmp_path / "bob", "a.png")
    with pytest.raises(PreprocessingError, match="px"):
        copies(tmp_path, Recipe(scale=20, resize=10_000))
    assert not (tmp_path / "bob_1").exists()


def test_nothing_appears_when_no_copy_could_be_made(tmp_path: Path):
    (tmp_path / "bob").mkdir()
    (tmp_path / "bob" / "bad.png").write_bytes(b"no picture")
    with pytest.raises(PreprocessingError):
        copies(tmp_path, Recipe())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bob"]


def test_pictures_are_turned_upright_because_copies_carry_no_orientation(tmp_path: Path):
    exif = Image.Exif()
    exif[0x0112] = 6
    sink = io.BytesIO()
    Image.new("RGB", (60, 40)).save(sink, "JPEG", exif=exif)
    (tmp_path / "bob").mkdir()
    (tmp_path / "bob" / "a.jpg").write_bytes(sink.getvalue())
    copies(tmp_path, Recipe())
    assert Image.open(tmp_path / "bob_1/bob/a.jpg").size == (40, 60)


def test_pictures_with_damaged_exif_are_copied_too(tmp_path: Path):
    (tmp_path / "bob").mkdir()
    (tmp_path / "bob" / "a.jpg").write_bytes(with_damaged_exif((60, 40)))
    assert copies(tmp_path, Recipe()).done == 1
    assert Image.open(tmp_path / "bob_1/bob/a.jpg").size == (40, 60)


def test_folders_outside_the_data_root_are_refused(tmp_path: Path):
    with pytest.raises(PathNotAllowedError):
        preprocess(Location.parse(tmp_path / "data"), "data/../x", "data/y", ["png"], Recipe())
    with pytest.raises(FileNotFoundError):
        preprocess(Location.parse(tmp_path), "data/missing", "data/y", ["png"], Recipe())


def test_crops_meet_a_rule_set_and_pictures_that_cannot_are_left_out(tmp_path: Path):
    (tmp_path / "bob").mkdir()
    portrait = Image.fromarray(portraits()[1][:, :, ::-1])
    portrait.resize((1024, 1200)).rotate(12, fillcolor="white", expand=True).save(tmp_path / "bob" / "wide.png")
    portrait.resize((128, 150)).save(tmp_path / "bob" / "small.png")
    picture(tmp_path / "bob", "empty.png")
    outcome = copies(tmp_path, Recipe(crop="icao-tr-portrait"))
    assert made(tmp_path) == ["wide.png"]
    assert any("enlarging" in reason for reason in outcome.reasons)
    before, after = (FaceEngine().analyse(tmp_path / name / "wide.png") for name in ("bob", "bob_1/bob"))
    results = [evaluate_row(load_rule_set("icao-tr-portrait"), row).results for row in (before, after)]
    geometry = ("head_length", "horizontal_position", "vertical_position", "aspect_ratio", "roll")
    assert "fail" in [results[0][name] for name in geometry]
    assert {results[1][name] for name in geometry} == {"pass"}
    assert after["iso_inter_eye_distance"] == pytest.approx(before["iso_inter_eye_distance"], rel=0.02)


def test_only_shipped_rule_sets_are_cropped_to(tmp_path: Path):
    picture(tmp_path / "bob", "a.png")
    with pytest.raises(PreprocessingError, match="rule set"):
        copies(tmp_path, Recipe(crop=str(tmp_path / "own.toml")))
