"""Bodies that clients of the BQAT API send. Names, defaults and limits are those of its contract."""

import unicodedata
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from bqat_pipeline.datasets import ScanOptions
from bqat_pipeline.preprocessing import WRITABLE


class Modality(StrEnum):
    """Modalities of the BQAT API; this server measures faces."""

    FACE = "face"
    IRIS = "iris"
    FINGERPRINT = "fingerprint"
    SPEECH = "speech"


class FileType(StrEnum):
    """File extensions that a scan may be limited to."""

    PNG = "png"
    JPEG = "jpeg"
    JPG = "jpg"
    BMP = "bmp"
    JP2 = "jp2"
    WSQ = "wsq"
    WAV = "wav"
    # beyond the BQAT API
    WEBP = "webp"
    TIF = "tif"
    TIFF = "tiff"
    HEIC = "heic"
    GIF = "gif"


class Detector(StrEnum):
    """Outlier detectors of the BQAT API (classes of PyOD)."""

    ECOD = "ECOD"
    CBLOF = "CBLOF"
    IFOREST = "IForest"
    KNN = "KNN"
    COPOD = "COPOD"
    PCA = "PCA"


# Longest pattern: a regular expression from outside runs over every file name.
MAX_PATTERN = 200


def _known_fusion(value: int) -> int:
    if value not in (0, 3, 5, 6, 7):
        raise ValueError("fusion is the sum of the engines' codes: one of 3, 5, 6, 7")
    return value


# Engines of `fusion`: 4 bqat + 2 ofiq + 1 biqt; 0: not chosen.
Fusion = Annotated[int, AfterValidator(_known_fusion)]


# Control characters, halves of characters, and ends of lines and paragraphs.
_NOT_IN_NAMES = frozenset({"Cc", "Cs", "Zl", "Zp"})


def _printable(value: str) -> str:
    if not value.strip() or any(unicodedata.category(character) in _NOT_IN_NAMES for character in value):
        raise ValueError("a name is made of characters that can be printed, in one line")
    return value


# Name of a data set: it appears in Dagster, in reports and in log lines.
DatasetName = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_printable)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore")


class ScanOptionsIn(_Body):
    """Options of a scan; 0 and null mean "not set" where the BQAT API says so."""

    engine: Literal["bqat", "ofiq", "biqt", "fusion", "default"] | None = None
    mode: Modality | None = None
    source: list[FileType] | None = Field(None, description="File extensions to pick up; null or []: all known ones.")
    target: list[FileType] | FileType | None = Field(None, description="Of no meaning for faces.")
    confidence: float | None = Field(None, ge=0, le=1, description="Lowest detector score; 0 or null: 0.7.")
    pattern: str | None = Field(
        None,
        max_length=MAX_PATTERN,
        description="Regular expression, searched in the file's base name up to its first dot.",
    )
    type: Literal["folder", "file"] | None = None
    batch: int | None = Field(None, ge=0, le=1_000_000)
    fusion: Fusion | None = Field(None, description="3, 5, 6 or 7; 0 or null: 6.")
    cpu: float | None = Field(None, ge=-1, le=1)
    temp: bool | None = None

    @field_validator("cpu")
    @classmethod
    def _positive_or_all(cls, value: float | None) -> float | None:
        if value is not None and value != -1 and value < 0:
            raise ValueError("cpu is a share above 0 and up to 1, or -1")
        return value

    def effective(self, engine: str | None = None, fusion: int | None = None) -> ScanOptions:
        """The options a scan works with: defaults filled in, `default` read as `bqat`."""
        name = engine or self.engine or "bqat"
        name = "bqat" if name == "default" else name
        number = fusion or self.fusion or 0
        return ScanOptions(
            engine=name,
            confidence=(self.confidence or 0.7) if name in {"bqat", "fusion"} else None,
            source=[extension.value for extension in self.source] if self.source else None,
            pattern=self.pattern or None,
            type=self.type,
            batch=self.batch or None,
            fusion=(number or 6) if name == "fusion" or "fusion" in self.model_fields_set else None,
            cpu=self.cpu or 0.8,
            temp=self.temp,
        )


class ScanTask(_Body):
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


class DetectorOptions(_Body):
    """`POST /scan/{dataset_id}/outliers/detect`: how to look for outliers."""

    detector: Detector = Detector.ECOD
    columns: list[Annotated[str, Field(max_length=200)]] | None = Field(
        None, max_length=500, description="Columns to look at; null or []: confidence, ipd and the three angles."
    )
    contamination: float = Field(0.05, gt=0, lt=1, description="Share of images to flag; above 0.5 the task fails.")


class ReportOptions(_Body):
    """`POST /scan/{dataset_id}/report/generate`: how to make the report."""

    minimal: bool | None = False
    downsample: float | None = Field(1.0, gt=0, le=1, description="Share of the rows to read.")


class PreprocessingOptions(_Body):
    """What to do with each picture: colour space, then width, then scale, then format."""

    scale: float | None = Field(1.0, ge=0, le=20)
    resize: int | None = Field(None, description="Width in px, 10..10000; the height follows. 0 or null: as it is.")
    convert: FileType | None = None
    mode: Literal["grayscale", "greyscale", "bw", "rgb", "rgba", "hsv", "cmyk", "ycbcr"] | None = None
    pattern: str | None = Field(None, max_length=MAX_PATTERN, description="Glob part, matched as `*<pattern><ext>`.")

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


class PreprocessingTask(_Body):
    """`POST /scan/preprocessing`. `tid`, `target`, `status`, `logs` and `modified` are the server's and are ignored."""

    source: str = Field(min_length=1, max_length=4096)
    input_format: list[FileType] | None = None
    options: PreprocessingOptions = PreprocessingOptions()

    @field_validator("options", mode="before")
    @classmethod
    def _null_is_default(cls, value: Any) -> Any:
        return {} if value is None else value


class ImageRequest(_Body):
    """`POST /convert`: a picture to show in a browser."""

    file: str = Field(max_length=40_000_000, description="Base64, with or without a data: prefix.")
    format: Literal["webp", "png", "jpeg", "jpg"] = "webp"
