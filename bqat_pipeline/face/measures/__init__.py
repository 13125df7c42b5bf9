"""The measures: pure functions of a FaceContext, one module per family, registered here.

A family's function returns column names and values; a value is None where the measure is undefined for this picture.
To add a measure: one function here or in a family, one line in the column registry, one test.
"""

from collections.abc import Callable, Mapping

from bqat_pipeline.face.context import FaceContext
from bqat_pipeline.face.measures import (
    background,
    blur,
    boxes,
    colour,
    compression,
    compression_loss,
    exposure,
    eyes,
    framing,
    geometry,
    glasses,
    highlights,
    illumination,
    mouth,
    pattern,
    picture,
    pose,
    posterisation,
    shadow,
    sharpness,
    shoulders,
    utility,
)

Family = Callable[[FaceContext], Mapping[str, object]]
Summary = Callable[[Mapping[str, object]], Mapping[str, object]]

# Families for every picture, for pictures with a face box, with landmarks, with a person segmented.
OF_PICTURE: tuple[Family, ...] = (picture.measure, compression.measure)
OF_BOX: tuple[Family, ...] = (boxes.measure,)
OF_FACE: tuple[Family, ...] = (
    eyes.measure,
    mouth.measure,
    pose.measure,
    geometry.measure,
    framing.measure,
    glasses.measure,
    exposure.measure,
    highlights.measure,
    illumination.measure,
    colour.measure,
    sharpness.measure,
    posterisation.measure,
    pattern.measure,
    blur.measure,
    compression_loss.measure,
)
OF_PERSON: tuple[Family, ...] = (shoulders.measure, background.measure, shadow.measure)
# Functions of what the families found in a picture with landmarks.
OF_VALUES: tuple[Summary, ...] = (utility.measure,)


def measure(context: FaceContext) -> dict[str, object]:
    """Values of all columns that can be measured in a picture, by column name."""
    families = [*OF_PICTURE]
    if context.faces.boxes:
        families += OF_BOX
    if context.has_landmarks:
        families += OF_FACE
        if context.has_person:
            families += OF_PERSON
    values: dict[str, object] = {}
    for family in families:
        values |= family(context)
    if context.has_landmarks:
        for summary in OF_VALUES:
            values |= summary(values)
    return values
