"""Head pose: ISO components, and BQAT's columns with BQAT's signs and labels."""

from collections.abc import Mapping

from bqat_pipeline.face.context import FaceContext
from bqat_pipeline.face.mapping import component

_BAND = 3.0  # degrees up to which BQAT calls an angle forward or level


def measure(context: FaceContext) -> Mapping[str, object]:
    """Angles in degrees. BQAT's yaw and pitch have the opposite sign of the ISO components, roll has the same."""
    pose = context.pose
    yaw, pitch, roll = -pose.yaw, -pose.pitch, pose.roll
    return {
        "yaw_pose": _label(yaw, "Forward", "Left", "Right"),
        "yaw_degree": yaw,
        "pitch_pose": _label(pitch, "Level", "Up", "Down"),
        "pitch_degree": pitch,
        "roll_pose": _label(roll, "Level", "Anti-clockwise", "Clockwise"),
        "roll_degree": roll,
        **component("head_pose_yaw", pose.yaw),
        **component("head_pose_pitch", pose.pitch),
        **component("head_pose_roll", pose.roll),
        "aux_mesh_residual": pose.residual,
        "aux_mesh_score": context.faces.mesh.flag if context.faces.mesh else None,
    }


def _label(angle: float, zero: str, positive: str, negative: str) -> str:
    if abs(angle) <= _BAND:
        return zero
    return positive if angle > 0 else negative
