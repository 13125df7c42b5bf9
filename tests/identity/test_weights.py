"""The reader of the model file: what it reads, and what it refuses."""

import hashlib
import os
import tomllib
from pathlib import Path

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from bqat_pipeline.identity import onnx
from bqat_pipeline.identity.errors import IdentityError
from bqat_pipeline.identity.network import Embedder, check_model, model_path
from bqat_pipeline.identity.weights import SIZE, load, parse
from tests.identity.made_up_model import TINY, computed_by_hand, dat
from tests.processes import ROOT


def test_opencv_computes_what_the_layers_say() -> None:
    weights = parse(dat(), TINY)
    chip = np.random.default_rng(1).integers(0, 256, (TINY.chip, TINY.chip, 3), np.uint8)
    blob = (chip.astype(np.float32) - (122.782, 117.001, 104.298)) / 256
    wanted = computed_by_hand(TINY, weights, blob.transpose(2, 0, 1))
    embedder = Embedder(weights, TINY)
    assert np.abs(wanted).max() > 0.01
    np.testing.assert_allclose(embedder.raw(chip), wanted, atol=1e-4)
    assert np.linalg.norm(embedder.template(chip)) == pytest.approx(1, abs=1e-6)
    assert len(onnx.model(TINY, weights)) < 20_000


def test_only_the_known_file_is_parsed(tmp_path: Path) -> None:
    content = dat()
    known = hashlib.sha256(content).hexdigest()
    file = tmp_path / "model.dat"
    file.write_bytes(content)
    assert len(load(file, TINY, known, len(content)).convolutions) == 9
    swapped = content.replace(b"affine_", b"affinf_", 1)
    for damaged, said in (
        (content[:-7], "cut short"),
        (b"", "cut short"),
        (content + b"\0", "not the known identity model"),
        (swapped, "not the known identity model"),
    ):
        file.write_bytes(damaged)
        with pytest.raises(IdentityError, match=said) as refused:
            load(file, TINY, known, len(content))
        assert "\n" not in str(refused.value)
    with pytest.raises(IdentityError, match="cannot read the identity model"):
        load(tmp_path / "absent.dat", TINY)
    with pytest.raises(IdentityError, match="cannot read the identity model"):
        load(tmp_path, TINY)
    (tmp_path / "huge.dat").touch()
    os.truncate(tmp_path / "huge.dat", 1 << 40)
    with pytest.raises(IdentityError, match="not the known"):
        load(tmp_path / "huge.dat", TINY)
    with pytest.raises(IdentityError, match="cannot read the identity model"):
        load(Path("/dev/zero"), TINY)
    assert SIZE == 22_466_066


def test_whatever_the_path_is_the_answer_is_one_sentence_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.dat")  # nobody writes to it
    (tmp_path / "circle.dat").symlink_to("circle.dat")
    (tmp_path / "elsewhere.dat").symlink_to("/etc/passwd")
    for name in ("pipe.dat", "circle.dat", "elsewhere.dat", "two\nlines\x1b[31m.dat", "x" * 5000):
        with pytest.raises(IdentityError, match="identity model") as refused:
            check_model(str(tmp_path / name))
        assert str(refused.value).isprintable()
        assert len(str(refused.value)) < 500
    with pytest.raises(IdentityError, match="home directory"):
        check_model("~nobody-at-all/model.dat")


@hypothesis.given(st.integers(0, len(dat()) - 1), st.binary(min_size=1, max_size=12))
def test_a_hostile_file_is_refused_in_one_sentence_even_with_the_right_digest(place: int, written: bytes) -> None:
    content = bytearray(dat())
    content[place : place + len(written)] = written
    for hostile in (bytes(content), bytes(content[:place])):
        try:
            weights = parse(hostile, TINY)
        except IdentityError as refused:
            assert str(refused).startswith("the identity model is damaged: ")
        else:
            assert all(np.isfinite(layer.weights).all() for layer in weights.convolutions)


def test_a_stated_length_is_never_believed() -> None:
    huge = dat().replace(b"\x01\x05con_4\x01\x02", b"\x01\x05con_4\x01\x02\x04\xff\xff\xff\x7f", 1)
    with pytest.raises(IdentityError, match="unexpected content"):
        parse(huge, TINY)


def test_the_chosen_path_comes_before_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert model_path(str(tmp_path / "m.dat")) == tmp_path / "m.dat"
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    # What the sentence says is what the extra has, and what the documentation says.
    (extra,) = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["identity"]
    assert f"--no-deps --no-build-isolation {extra}\n" in (ROOT / "docs" / "identity.md").read_text()
    with pytest.raises(IdentityError, match=f"--no-deps .*{extra}, or set BQAT_IDENTITY_MODEL"):
        model_path()
