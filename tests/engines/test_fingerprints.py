"""Fingerprints as they are stored in plans and manifests: another string for the same engine measures every data set anew."""

from pathlib import Path

import pytest

from bqat_pipeline.engines import EngineSpec, Programs, open_engine
from bqat_pipeline.face import engine as face
from tests.engines.fixtures import program


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    """The same engines on every machine: programs of known bytes, and libraries of known versions."""
    monkeypatch.setattr(face, "_version", lambda name: f"{name}-1.0")
    monkeypatch.setattr(face, "ENGINE_VERSION", 5)
    data, home = tmp_path / "data", tmp_path / "biqt"
    (data / "models").mkdir(parents=True)
    (data / "ofiq_config.jaxn").write_text("{}")
    (data / "models" / "net.onnx").write_bytes(b"weights")
    (home / "providers" / "BIQTFace").mkdir(parents=True)
    (home / "providers" / "BIQTFace" / "descriptor.json").write_text('{"version": "1"}')
    monkeypatch.setenv("BIQT_HOME", str(home))
    apps = [str(program(tmp_path, name, "#!/bin/sh\n")) for name in ("OFIQSampleApp", "biqt-app")]
    return Programs(ofiq_app=apps[0], ofiq_data=str(data), biqt_app=apps[1])


@pytest.mark.parametrize(
    ("name", "choices", "fingerprint"),
    [
        ("bqat", {}, "0ae0698301a1f76c"),
        ("bqat", {"confidence": 0.5}, "f3bcd7f3805f898d"),
        ("bqat", {"max_pixels": 1_000_000, "max_file_size": 2_000_000}, "2bcc349c4d21f428"),
        ("bqat", {"fusion": 7}, "0ae0698301a1f76c"),
        ("bqat", {"background": False}, "f381368d88d632cf"),
        ("ofiq", {}, "ofiq-beae545f6e3e0542"),
        ("biqt", {}, "biqt-2d0722f17884fd12"),
        ("fusion", {}, "fusion-577e4419637df144"),
        ("fusion", {"fusion": 3}, "fusion-5a29193e7889a774"),
        ("fusion", {"fusion": 5}, "fusion-5b2d7471bdbc21d2"),
        ("fusion", {"fusion": 7, "confidence": 0.5}, "fusion-94e78d2800758e44"),
    ],
)
def test_the_fingerprint_is_the_stored_one(name: str, choices: dict, fingerprint: str, installed: Programs) -> None:
    assert open_engine(EngineSpec(name, **choices), installed).fingerprint == fingerprint
