"""Steps between neighbouring pixels, summed along the columns and rows between which they lie."""

import cv2
import numpy as np


def sums(part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(w - 1,) and (h - 1,) float32: sums of the absolute steps from each column and from each row to the next.

    Parameters
    ----------
    part : (h, w) uint8, at most 65,000 px a side, so that the sums are exact.
    """
    across = cv2.reduce(cv2.absdiff(part[:, 1:], part[:, :-1]), 0, cv2.REDUCE_SUM, dtype=cv2.CV_32F)
    down = cv2.reduce(cv2.absdiff(part[1:], part[:-1]), 1, cv2.REDUCE_SUM, dtype=cv2.CV_32F)
    return across.ravel(), down.ravel()
