"""Model files: checked, cut once, cached safely."""

from pathlib import Path

import numpy as np
import pytest

from bqat_pipeline.face import ModelError
from bqat_pipeline.face.nets import models
from bqat_pipeline.face.nets.attention import split_attention_mesh
from bqat_pipeline.face.nets.full_range import split_full_range
from bqat_pipeline.face.nets.models import ATTENTION_MESH, FULL_RANGE, MODELS, ModelFile, model_bytes
from bqat_pipeline.face.nets.runner import Net


def test_all_models_are_in_the_installed_wheel_and_the_known_ones() -> None:
    assert all(len(model_bytes(model)) > 100_000 for model in MODELS)


def test_another_file_is_refused_with_the_way_out() -> None:
    with pytest.raises(ModelError, match=r"mediapipe==0\.10\.21"):
        model_bytes(ModelFile(ATTENTION_MESH.path, "0" * 64))
    with pytest.raises(ModelError, match="cannot read model"):
        model_bytes(ModelFile("no/such/model.tflite", "0" * 64))


def test_cut_models_are_cached_and_a_damaged_cache_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = split_attention_mesh()
    files = sorted((tmp_path / "bqat-pipeline").iterdir())
    assert len(files) == 2
    assert (files[0].parent.stat().st_mode & 0o777) == 0o700
    files[0].write_bytes(files[0].read_bytes()[:1000])
    second = split_attention_mesh()
    assert (second.mesh, second.refinement) == (first.mesh, first.refinement)
    assert sorted((tmp_path / "bqat-pipeline").iterdir()) == files


def test_models_load_without_any_writable_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "_cache_folders", lambda: (tmp_path / "file" / "below",))
    (tmp_path / "file").write_text("a file where a folder would be needed")
    assert split_attention_mesh().mesh


def test_parts_of_the_full_range_detector_give_what_the_whole_gives() -> None:
    whole, first, second = Net(model_bytes(FULL_RANGE)), *map(Net, split_full_range())
    picture = np.random.default_rng(0).uniform(-1, 1, whole.input_shape)
    whole.input()[...] = first.input()[...] = picture
    scores, boxes = sorted(whole.run().values(), key=lambda values: values.shape[-1])
    own_scores, second.input()[...] = sorted(first.run().values(), key=lambda values: values.shape[-1])
    (own_boxes,) = second.run().values()
    np.testing.assert_array_equal(own_scores, scores)
    np.testing.assert_array_equal(own_boxes, boxes)
