"""The detector's boxes: main face, count, all faces, second face."""

from collections.abc import Mapping

from bqat_pipeline.face.context import FaceContext
from bqat_pipeline.face.mapping import component
from bqat_pipeline.face.nets.detection import Detection


def measure(context: FaceContext) -> Mapping[str, object]:
    """Box of the main face under BQAT's names, all boxes, and the size of a second face. Boxes may reach outside."""
    boxes = context.faces.boxes
    main = context.main
    return {
        "confidence": main.score,
        "face_detection": main.score,
        "bbox_left": int(main.left),
        "bbox_upper": int(main.upper),
        "bbox_right": int(main.right),
        "bbox_lower": int(main.lower),
        "face_ratio": main.area / (context.width * context.height),
        "aux_human_face": context.faces.human,
        "aux_faces": [_as_struct(b) for b in boxes],
        **component("single_face_present", second_face_ratio(boxes)),
    }


def second_face_ratio(boxes: tuple[Detection, ...]) -> float:
    """Area of the second largest box divided by that of the largest, 0 with one box."""
    areas = sorted((b.area for b in boxes), reverse=True)
    return areas[1] / areas[0] if len(areas) > 1 else 0.0


def _as_struct(box: Detection) -> dict[str, object]:
    return {
        "left": int(box.left),
        "upper": int(box.upper),
        "right": int(box.right),
        "lower": int(box.lower),
        "score": float(f"{box.score:.6g}"),
    }
