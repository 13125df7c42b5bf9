"""Identity of a file and of a picture: a digest of the bytes, a perceptual hash of the pixels."""

import hashlib

import cv2
import numpy as np

from bqat_pipeline.face.picture.pyramid import Pyramid

_SIDE = 64  # px of the reduced grey picture
_FREQUENCIES = 16  # lowest frequencies per direction: 16 x 16 = 256 bits


def sha256(content: bytes) -> str:
    """SHA-256 of a file's bytes, 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def phash256(pyramid: Pyramid) -> str:
    """Perceptual hash of a picture, 64 hexadecimal digits.

    One bit for each of the 256 lowest cosine coefficients: whether it is above their median. Re-encoded, resized or
    brightened copies differ in at most about 13 bits, pictures of different people in 50 and more.
    """
    # At least twice the side: from a smaller level, copies of half the size differed in up to 36 bits
    # (benchmarks/duplicates.py); from this one in 16.
    level = pyramid.level(pyramid.above(2 * _SIDE / min(pyramid.width, pyramid.height)))
    grey = cv2.cvtColor(level, cv2.COLOR_RGB2GRAY)  # first: one channel is reduced in a third of the time of three
    # Bilinear to twice the side, then an exact halving: several times faster than a general area resize.
    double = cv2.resize(grey, (2 * _SIDE, 2 * _SIDE), interpolation=cv2.INTER_LINEAR)
    small = cv2.resize(double, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    low = cv2.dct(small.astype(np.float32))[:_FREQUENCIES, :_FREQUENCIES].ravel()
    # The first coefficient is the mean brightness and would only shift the median. A coefficient that is zero but for
    # rounding would give a random bit: rounded, a uniform picture has one hash everywhere.
    low = np.round(low, 3)
    middle = (low.size - 1) // 2  # of the odd number of the other ones, their median: a quarter of np.median's time
    bits = low > np.partition(low[1:], middle)[middle]
    return np.packbits(bits).tobytes().hex()
