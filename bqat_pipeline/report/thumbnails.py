"""Small pictures of main faces as data URIs."""

import base64
import logging
from collections.abc import Mapping
from typing import Any

import numpy as np

from bqat_pipeline.columns import READ
from bqat_pipeline.datasets import DatasetRecord
from bqat_pipeline.datasets.pictures import open_picture
from bqat_pipeline.report.inputs import Thumbnails
from bqat_pipeline.settings import Settings

_WIDTH, _HEIGHT = 144, 180  # px; shown at about half of it, so that it is sharp on dense screens
_MARGIN = 0.75  # of the face box on each side: hair, chin and some background
_QUALITY = 66  # WebP; about 4 kB a picture
_BLUR = 14  # px, standard deviation at thumbnail size: no face can be recognised, light and pose can

_log = logging.getLogger(__name__)


class Thumbnailer:
    """Makes thumbnails of the pictures of a data set.

    Parameters
    ----------
    record : The data set, whose sources hold the pictures.
    kind : ``full``, ``blurred`` or ``none``.
    most : Pictures beyond this many get none.
    settings : For the limits on file size and pixels.
    """

    def __init__(self, record: DatasetRecord, kind: Thumbnails, most: int, settings: Settings) -> None:
        self._record = record
        self._kind = kind
        self._left = 0 if kind == "none" else most
        self._settings = settings
        self._known: dict[int, str | None] = {}

    def of(self, row: Mapping[str, Any]) -> str | None:
        """Data URI of the main face, or None where there is no picture to show; a row is decoded only once.

        Parameters
        ----------
        row : Face profile with ``row``, ``file``, ``status``, ``image_width`` and the ``bbox_`` columns.
        """
        number = int(row["row"])
        if number not in self._known:
            # Files with another status did not survive decoding once; this process shall not try again.
            if self._left <= 0 or row.get("status") not in READ:
                return None
            self._known[number] = self._make(row)
            self._left -= self._known[number] is not None
        return self._known[number]

    def _make(self, row: Mapping[str, Any]) -> str | None:
        import cv2

        try:
            image = self._decode(str(row["file"]))
            crop = _crop(image, row)
            if self._kind == "blurred":
                crop = cv2.GaussianBlur(crop, (0, 0), _BLUR)
            done, content = cv2.imencode(".webp", crop[:, :, ::-1], [cv2.IMWRITE_WEBP_QUALITY, _QUALITY])
        except Exception as error:  # noqa: BLE001 - a picture that went or changed must not cost the report
            _log.info("no thumbnail of row %s: %s", row.get("row"), type(error).__name__)
            return None
        return "data:image/webp;base64," + base64.b64encode(content.tobytes()).decode() if done else None

    def _decode(self, file: str) -> np.ndarray:
        from bqat_pipeline.face.picture.decode import decode
        from bqat_pipeline.face.picture.probe import probe

        content = open_picture(self._record, file, int(self._settings.max_file_size))
        return decode(content, probe(content, self._settings.max_pixels)).image


def _crop(image: np.ndarray, row: Mapping[str, Any]) -> np.ndarray:
    """(180, 144, 3) uint8 around the main face, inside the picture; its middle where there is no face."""
    import cv2

    height, width = image.shape[:2]
    box = [row.get(f"bbox_{side}") for side in ("left", "upper", "right", "lower")]
    if all(value is not None for value in box) and row.get("image_width"):
        scale = width / row["image_width"]  # a huge picture was decoded at half size
        left, upper, right, lower = (float(value) * scale for value in box)  # type: ignore[arg-type]
    else:
        left, upper, right, lower = width * 0.25, height * 0.25, width * 0.75, height * 0.75
    tall = max((lower - upper) * (1 + 2 * _MARGIN), (right - left) * (1 + 2 * _MARGIN) * _HEIGHT / _WIDTH, 8.0)
    tall = min(tall, height, width * _HEIGHT / _WIDTH)  # no more than the picture has
    wide = tall * _WIDTH / _HEIGHT
    x = min(max((left + right) / 2 - wide / 2, 0.0), width - wide)
    y = min(max((upper + lower) / 2 - tall / 2, 0.0), height - tall)
    scale = _HEIGHT / tall
    if scale < 1:  # average before sampling, or fine detail turns into noise
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        matrix = np.array([[1, 0, -x * scale], [0, 1, -y * scale]], np.float64)
        return cv2.warpAffine(small, matrix, (_WIDTH, _HEIGHT), borderMode=cv2.BORDER_REPLICATE)
    matrix = np.array([[scale, 0, -x * scale], [0, scale, -y * scale]], np.float64)
    return cv2.warpAffine(image, matrix, (_WIDTH, _HEIGHT), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
