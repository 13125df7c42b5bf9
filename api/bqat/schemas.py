"""Bodies that clients of the BQAT API send. Names, defaults and limits are those of its contract."""

from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, field_validator

from api.scan_options import MAX_PATTERN, Body, FileType, ScanOptionsIn
from bqat_pipeline.execution.preprocessing import WRITABLE
from bqat_pipeline.requirements import list_rule_sets


class Detector(StrEnum):
    """Outlier detectors of the BQAT API, named as the classes of PyOD whose scores they give."""

    ECOD = "ECOD"
    CBLOF = "CBLOF"
    IFOREST = "IForest"
    KNN = "KNN"
    COPOD = "COPOD"
    PCA = "PCA"


class ScanTask(Body):
    """`POST /scan/local`: what to scan."""

    model_config = ConfigDict(
        extra="ignore",
        json_schema_extra={"examples": [{"input": "data/helen", "options": {"source": ["jpg", "png"]}}]},
    )

    input: (
        Annotated[str, Field(min_length=1, max_length=4096)]
        | Annotated[list[Annotated[str, Field(min_length=1, max_length=4096)]], Field(min_length=1, max_length=100_000)]
    ) = Field(description="A folder, or a list of files, below the data root.")
    collection: UUID | None = Field(None, description="Id of a data set to add to; null: a new one.")
    options: ScanOptionsIn | None = None


class DetectorOptions(Body):
    """`POST /scan/{dataset_id}/outliers/detect`: how to detect outliers."""

    detector: Detector = Detector.ECOD
    columns: list[Annotated[str, Field(max_length=200)]] | None = Field(
        None, max_length=500, description="Columns to use; null or []: confidence, ipd and the three angles."
    )
    contamination: float = Field(0.05, gt=0, lt=1, description="Share of images to flag; above 0.5 the task fails.")


class ReportOptions(Body):
    """`POST /scan/{dataset_id}/report/generate`: how to make the report."""

    minimal: bool | None = False
    downsample: float | None = Field(1.0, gt=0, le=1, description="Share of the rows to read.")


class PreprocessingOptions(Body):
    """Changes of each picture, in this order: crop, colour space, width, scale, format."""

    scale: float | None = Field(1.0, ge=0, le=20)
    resize: int | None = Field(None, description="Width in px, 10..10000; the height follows. 0 or null: as it is.")
    convert: FileType | None = None
    mode: Literal["grayscale", "greyscale", "bw", "rgb", "rgba", "hsv", "cmyk", "ycbcr"] | None = None
    pattern: str | None = Field(None, max_length=MAX_PATTERN, description="Glob part, matched as `*<pattern><ext>`.")
    crop: str | None = Field(
        None,
        max_length=64,
        description="Rule set whose limits on size and place of the head the copies are cropped to; nothing is "
        "enlarged, and pictures that cannot meet them are not copied. Not in the BQAT API.",
    )

    @field_validator("crop")
    @classmethod
    def _shipped(cls, value: str | None) -> str | None:
        if value and value not in list_rule_sets():
            raise ValueError(f"there is no rule set of this name; take {', '.join(list_rule_sets())}")
        return value or None

    @field_validator("convert")
    @classmethod
    def _writable(cls, value: FileType | None) -> FileType | None:
        if value is not None and value.value not in WRITABLE:
            raise ValueError(f"{value.value} cannot be written; use one of {', '.join(WRITABLE)}")
        return value

    @field_validator("resize")
    @classmethod
    def _possible_width(cls, value: int | None) -> int | None:
        if value and not 10 <= value <= 10_000:
            raise ValueError("resize is a width between 10 and 10000 px")
        return value


class PreprocessingTask(Body):
    """`POST /scan/preprocessing`. `tid`, `target`, `status`, `logs` and `modified`, which clients send, are ignored."""

    source: str = Field(min_length=1, max_length=4096)
    input_format: list[FileType] | None = None
    options: PreprocessingOptions = PreprocessingOptions()

    @field_validator("options", mode="before")
    @classmethod
    def _null_is_default(cls, value: Any) -> Any:
        return {} if value is None else value


class ImageRequest(Body):
    """`POST /convert`: a picture to show in a browser."""

    file: str = Field(max_length=40_000_000, description="Base64, with or without a data: prefix.")
    format: Literal["webp", "png", "jpeg", "jpg"] = "webp"
