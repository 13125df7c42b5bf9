"""What a client may ask of a scan; both surfaces take the same options."""

import unicodedata
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from bqat_pipeline.columns import DEFAULT_FUSION, EngineName
from bqat_pipeline.datasets import ScanOptions
from bqat_pipeline.face.options import EngineOptions


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


# Most characters of a pattern: a client's regular expression runs over every file name.
MAX_PATTERN = 200


def _known_fusion(value: int) -> int:
    if value not in (0, 3, 5, 6, 7):
        raise ValueError("fusion is the sum of the engines' codes: one of 3, 5, 6, 7")
    return value


# Engines of a fusion, as the sum of their codes (bqat 4, ofiq 2, biqt 1); 0 means not chosen.
Fusion = Annotated[int, AfterValidator(_known_fusion)]


# Unicode categories: control characters, surrogates, line separators and paragraph separators.
_NOT_IN_NAMES = frozenset({"Cc", "Cs", "Zl", "Zp"})


def _printable(value: str) -> str:
    if not value.strip() or any(unicodedata.category(character) in _NOT_IN_NAMES for character in value):
        raise ValueError("a name is made of characters that can be printed, in one line")
    return value


# Name of a data set: it appears in Dagster, in reports and in log lines.
DatasetName = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_printable)]


class Body(BaseModel):
    """A request body; unknown fields are ignored, as in the BQAT API."""

    model_config = ConfigDict(extra="ignore")


class ScanOptionsIn(Body):
    """Options of a scan; 0 and null mean "not set" where the BQAT API says so."""

    engine: Literal[EngineName, "default"] | None = None
    mode: Modality | None = None
    source: list[FileType] | None = Field(None, description="File extensions to pick up; null or []: all known ones.")
    target: list[FileType] | FileType | None = Field(None, description="Has no meaning for faces.")
    confidence: float | None = Field(
        None, ge=0, le=1, description=f"Lowest detector score; 0 or null: {EngineOptions.confidence}."
    )
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
            confidence=(self.confidence or EngineOptions.confidence) if name in {"bqat", "fusion"} else None,
            source=[extension.value for extension in self.source] if self.source else None,
            pattern=self.pattern or None,
            type=self.type,
            batch=self.batch or None,
            fusion=(number or DEFAULT_FUSION) if name == "fusion" or "fusion" in self.model_fields_set else None,
            cpu=self.cpu or 0.8,
            temp=self.temp,
        )
