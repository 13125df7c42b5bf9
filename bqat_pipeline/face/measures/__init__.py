"""The measures: pure functions of a FaceContext, one module per family, registered here.

A family's function returns column names and values; a value is None where the measure is undefined for this picture.
"""

from collections.abc import Callable, Mapping

from bqat_pipeline.face.context import FaceContext
from bqat_pipeline.face.measures import boxes, eyes, picture, pose

Family = Callable[[FaceContext], Mapping[str, object]]

# What a picture without a face still has, what needs a box, what needs landmarks.
OF_PICTURE: tuple[Family, ...] = (picture.measure,)
OF_BOX: tuple[Family, ...] = (boxes.measure,)
OF_FACE: tuple[Family, ...] = (eyes.measure, pose.measure)


def measure(context: FaceContext) -> dict[str, object]:
    """All columns that can be measured in a picture."""
    families = [*OF_PICTURE]
    if context.faces.boxes:
        families += OF_BOX
    if context.points is not None:
        families += OF_FACE
    values: dict[str, object] = {}
    for family in families:
        values |= family(context)
    return values
