"""Pictures of people: whether they may be shown at all, and small ones of a data set."""

from api.http.errors import not_found
from bqat_pipeline.datasets import DatasetRecord
from bqat_pipeline.execution.thumbnails import Thumbnails
from bqat_pipeline.face.picture.thumbnail import PictureError


def check_shown(thumbnails: str) -> None:
    """Refuse a request for a picture where the operator allows none to be shown.

    Raises
    ------
    HTTPException : 404 with `BQAT_THUMBNAILS=none`.
    """
    if thumbnails == "none":
        raise not_found("pictures are not shown by this server (BQAT_THUMBNAILS=none)")


def small_picture(
    thumbnails: Thumbnails, record: DatasetRecord, file: str, sha256: str | None, size: int
) -> tuple[bytes, str]:
    """A picture of a data set with at most `size` px a side, and its media type. It blocks: call it in a thread.

    Raises
    ------
    HTTPException : 404 when the file no longer exists, or cannot be shown.
    """
    try:
        return thumbnails.small(record, file, sha256, size), "image/webp"
    except OSError as error:
        raise not_found("the picture is not there any more") from error
    except PictureError as error:
        raise not_found(f"the picture cannot be shown: {error}") from error
