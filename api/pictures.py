"""What shows people, pictures and columns that are as good as one: whether it may be shown, and small pictures."""

from collections.abc import Iterable, Sequence

from api.http.errors import not_found
from bqat_pipeline.columns import PERSONAL, without_personal
from bqat_pipeline.datasets import DatasetRecord
from bqat_pipeline.datasets.conditions import QueryError
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


def chosen_columns(fields: str, present: Sequence[str], thumbnails: str) -> list[str]:
    """Columns that a client names, separated by commas; `*` stands for all that show no person.

    Parameters
    ----------
    present : Names of the columns that there are.
    thumbnails : `BQAT_THUMBNAILS`; unless it is `full`, what shows a person is refused, by whatever name.

    Raises
    ------
    QueryError : for an unknown column, and for one that is refused.
    """
    chosen: dict[str, None] = {}
    for name in (part.strip() for part in fields.split(",")):
        if name == "*":
            chosen |= dict.fromkeys(without_personal(present))
        elif name in present:
            chosen[name] = None
        elif name:
            raise QueryError(f"there is no column {name[:100]!r}")
    _check_personal(chosen, thumbnails)
    return list(chosen)


def _check_personal(names: Iterable[str], thumbnails: str) -> None:
    refused = [name for name in names if name in PERSONAL] if thumbnails != "full" else []
    if refused:
        raise QueryError(
            f"{refused[0]} shows a face coarsely; this server keeps faces back (BQAT_THUMBNAILS={thumbnails})"
        )


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
