"""The cut model gives the landmarks that mediapipe's own graph gives for the same region of interest."""

import subprocess
import sys
from pathlib import Path

import numpy as np

from bqat_pipeline.face.nets.mesh import MeshNet, Roi
from bqat_pipeline.face.picture.pyramid import Pyramid

# Runs FaceMesh's graph with refinement, which also says what region of interest it took. The package itself would import
# jax and matplotlib: its two upper levels are replaced by empty modules, in a process of its own.
SCRIPT = """
import importlib.util, sys, types
from pathlib import Path
import numpy as np

root = Path(importlib.util.find_spec("mediapipe").origin).parent
for name, folder in (("mediapipe", root), ("mediapipe.python.solutions", root / "python" / "solutions")):
    stub = types.ModuleType(name)
    stub.__path__ = [str(folder)]
    sys.modules[name] = stub
from mediapipe.python.solution_base import SolutionBase
from mediapipe.python.solutions import face_mesh  # registers the calculators' options

detection = "facedetectionshortrangecpu__facedetectionshortrange__facedetection__TensorsToDetectionsCalculator"
graph = SolutionBase(
    binary_graph_path="mediapipe/modules/face_landmark/face_landmark_front_cpu.binarypb",
    side_inputs={"num_faces": 1, "with_attention": True, "use_prev_landmarks": False},
    calculator_params={
        f"{detection}.min_score_thresh": 0.5, "facelandmarkcpu__ThresholdingCalculator.threshold": 0.5
    },
    outputs=["multi_face_landmarks", "face_rects_from_detections"],
)
image = np.load(sys.argv[1])
result = graph.process({"image": image})
rect = result.face_rects_from_detections[0]
points = [(p.x, p.y, p.z) for p in result.multi_face_landmarks[0].landmark]
np.savez(sys.argv[2], points=points, rect=(rect.x_center, rect.y_center, rect.width, rect.rotation))
"""


def test_landmarks_equal_mediapipes_for_the_same_region(portrait: np.ndarray, tmp_path: Path) -> None:
    np.save(tmp_path / "image.npy", portrait)
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "image.npy"), str(tmp_path / "theirs.npz")]
    subprocess.run(command, check=True, capture_output=True)
    height, width = portrait.shape[:2]
    with np.load(tmp_path / "theirs.npz") as saved:
        theirs = saved["points"] * (width, height, width)
        x, y, side, angle = saved["rect"]
    roi = Roi(x * width, y * height, side * width, angle)
    ours = MeshNet().fit(Pyramid(portrait, (width, height)), roi).points
    # mediapipe counts px of the net's input from their corners, we from their centres: half a px of the input apart.
    half = 0.5 * roi.side / 192
    c, s = np.cos(roi.angle), np.sin(roi.angle)
    distance = np.linalg.norm(ours[:, :2] + (c * half - s * half, s * half + c * half) - theirs[:, :2], axis=1)
    assert distance.mean() < 0.1
    assert distance.max() < 0.2
    assert np.abs(ours[:, 2] - theirs[:, 2]).mean() < 0.1
