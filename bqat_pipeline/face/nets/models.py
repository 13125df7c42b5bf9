"""The model files: found in the installed mediapipe wheel, which is never imported, and checked by their digests.

mediapipe 0.10.21 is the last release whose wheel carries these files. They are Apache-2.0; see NOTICE.
"""

import hashlib
import importlib.util
import os
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bqat_pipeline.face.errors import ModelError


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model file inside the wheel: path below ``mediapipe/modules`` and the SHA-256 it must have."""

    path: str
    sha256: str


SHORT_RANGE = ModelFile(
    "face_detection/face_detection_short_range.tflite",
    "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
)
FULL_RANGE = ModelFile(
    "face_detection/face_detection_full_range_sparse.tflite",
    "2c3728e6da56f21e21a320433396fb06d40d9088f2247c05e5635a688d45dfe1",
)
ATTENTION_MESH = ModelFile(
    "face_landmark/face_landmark_with_attention.tflite",
    "e06a804e0144f9929eda782122916b35d60c697c3c9344013ca2bbe76a6ce2b4",
)
SEGMENTATION = ModelFile(
    "selfie_segmentation/selfie_segmentation_landscape.tflite",
    "a77d03f4659b9f6b6c1f5106947bf40e99d7655094b6527f214ea7d451106edd",
)
MODELS = (SHORT_RANGE, FULL_RANGE, ATTENTION_MESH, SEGMENTATION)


@cache
def model_bytes(model: ModelFile) -> bytes:
    """Content of a model file.

    Raises
    ------
    ModelError : when mediapipe is not installed, or the file is missing or has another digest.
    """
    spec = importlib.util.find_spec("mediapipe")
    if spec is None or spec.origin is None:
        raise ModelError("mediapipe is not installed; its wheel carries the models: pip install mediapipe==0.10.21")
    path = Path(spec.origin).parent / "modules" / model.path
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot read model {path}: {error.strerror}; install mediapipe==0.10.21") from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != model.sha256:
        raise ModelError(f"model {path} has sha256 {digest}, expected {model.sha256}; install mediapipe==0.10.21")
    return content


def cached_file(name: str) -> Path | None:
    """Path of a derived file in the user's cache folder, else the temp folder; None when neither can be written."""
    for folder in _cache_folders():
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # A folder that another user owns could hold a forged file.
            if folder.stat().st_uid == os.getuid() and os.access(folder, os.W_OK):
                return folder / name
        except OSError:
            continue
    return None


def _cache_folders() -> tuple[Path, ...]:
    base = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    return base / "bqat-pipeline", Path(tempfile.gettempdir()) / f"bqat-pipeline-{os.getuid()}"


def write_atomically(path: Path, content: bytes) -> None:
    """Write under a temporary name, then rename, so that readers see all of the file or nothing.

    A file that cannot be written is left out without an error: it is a cache.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
