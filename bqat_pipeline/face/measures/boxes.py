"""The detector's boxes: main face, count, all faces, second face."""

from collections.abc import Mapping

from bqat_pipeline.face.context import FaceContext
from bqat_pipeline.face.detection import Detection


def measure(context: FaceContext) -> Mapping[str, object]:
    """Box columns in the BQAT names, and all boxes. Px of the upright picture; boxes may reach outside."""
    boxes = context.faces.boxes
    main = boxes[0]
    return {
        "confidence": main.score,
        "face_detection": main.score,
        "bbox_left": int(main.left),
        "bbox_upper": int(main.upper),
        "bbox_right": int(main.right),
        "bbox_lower": int(main.lower),
        "face_ratio": main.area / (context.width * context.height),
        "aux_face_count": len(boxes),
        "aux_faces": [_as_struct(b) for b in boxes],
    }


def _as_struct(box: Detection) -> dict[str, object]:
    return {
        "left": int(box.left),
        "upper": int(box.upper),
        "right": int(box.right),
        "lower": int(box.lower),
        "score": float(f"{box.score:.6g}"),
    }
