"""Are two patterns of a face one photograph? They are registered finely, and what is left is looked at.

A copy leaves noise of compression and rounding, another photograph of the person a moved eye, mouth or shadow. The
likeness says how much is left; how much of it a smooth deformation explains says whether that is noise or movement.
Patterns are `aux_face_pattern` (``face.measures.pattern``): 24 x 24 cosine coefficients, drawn here on 48 x 48 px.
"""

import base64
import binascii
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]

_FREQUENCIES = 24
PATTERN_BYTES = _FREQUENCIES**2
_SIDE = 48  # px; twice the frequencies
_BORDER = 3  # px that are left out: what the other frame does not show
_STEPS = 8
_ENOUGH = 1e-5  # gain of likeness by a step after which no other is made
_BENDS = 4  # cosines in each direction of a deformation
_FARTHEST = 0.2  # share of the frame; what moves further is not the same face


def stored_pattern(text: str | None) -> NDArray[np.int8] | None:
    """(576,) coefficients of a pattern; None for text that is none."""
    try:
        stored = base64.b64decode(text or "", validate=True)
    except (binascii.Error, ValueError):
        return None
    return np.frombuffer(stored, np.int8) if len(stored) == PATTERN_BYTES else None


def drawn(stored: NDArray[np.int8]) -> Image:
    """(48, 48) float32 picture of (576,) coefficients."""
    coefficients = np.zeros((_SIDE, _SIDE), np.float32)
    coefficients[:_FREQUENCIES, :_FREQUENCIES] = stored.reshape(_FREQUENCIES, _FREQUENCIES)
    coefficients[0, 0] = 0
    image: Image = cv2.idct(coefficients)
    return image


@dataclass(frozen=True)
class Registered:
    """Two patterns after the affine registration that makes them most alike.

    Attributes
    ----------
    likeness : Correlation, at most 1; 0 where one is empty.
    left : (1764,) what the second differs by from the first, gain and offset taken out; None where one is empty.
    steepest : (6, 1764) change of the first by the parameters of the registration.
    """

    likeness: float
    left: Image | None
    steepest: Image

    def movement(self, first: Image) -> float:
        """Share, 0 to 1, of what is left that a smooth deformation of the face explains beyond the affine one.

        Least squares on the optical flow's equation, with 4 x 4 cosines for either direction. Noise gives 0.04 to 0.15,
        a face that moved 0.23 and more.
        """
        if self.left is None or not float(self.left @ self.left) > 0:
            return 0.0
        affine = np.linalg.qr(self.steepest.T)[0]
        left = self.left - affine @ (affine.T @ self.left)
        down, right = np.gradient(first)
        bends = np.concatenate([_COSINES * right[_INNER], _COSINES * down[_INNER]])
        bends -= bends.mean(axis=1, keepdims=True)
        bends -= (bends @ affine) @ affine.T
        gram, along = bends @ bends.T, bends @ left
        gram += 1e-4 * np.trace(gram) / len(gram) * np.eye(len(gram))
        explained = np.linalg.solve(gram, along) @ bends
        return float(explained @ explained / (left @ left))


def likeness(first: Image, second: Image, *, mirrored: bool = False) -> float:
    """``Registered.likeness`` of two patterns."""
    return registered(first, second, mirrored=mirrored).likeness


def registered(first: Image, second: Image, *, mirrored: bool = False) -> Registered:
    """Register two patterns: (48, 48) each, as ``drawn``.

    Inverse compositional Gauss-Newton (Baker and Matthews 2004) on six parameters; gain and offset are taken out.

    Parameters
    ----------
    mirrored : Compare with the mirror image of the second.
    """
    moving = cv2.flip(second, 1) if mirrored else second
    inner = _INNER
    fixed = first[inner] - first[inner].mean()
    size = float(np.linalg.norm(fixed))
    if not size > 0:
        return Registered(0.0, None, np.empty((6, 0), np.float32))
    down, right = np.gradient(first)
    steepest = np.stack(
        [right * _X + down * _Y, down * _X - right * _Y, right, down, right * _X - down * _Y, right * _Y + down * _X]
    )[:, inner]
    steepest -= steepest.mean(axis=1, keepdims=True)
    hessian = steepest @ steepest.T
    hessian += 1e-3 * np.trace(hessian) / len(hessian) * np.eye(len(hessian))
    solve = np.linalg.inv(hessian) @ steepest
    warp, best, left = np.eye(3), -1.0, None
    for _ in range(_STEPS + 1):
        matrix = (_FROM_MIDDLE @ warp @ _TO_MIDDLE)[:2]
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        moved = cv2.warpAffine(moving, matrix, (_SIDE, _SIDE), flags=flags, borderMode=cv2.BORDER_REPLICATE)[inner]
        moved = moved - moved.mean()
        length = float(np.linalg.norm(moved))
        if not length > 0:
            break
        found = float(fixed @ moved) / (size * length)
        done = found < best + _ENOUGH
        if found > best:
            best, left = found, moved * (size / length) - fixed
        if done:
            break
        zoom, turn, x, y, stretch, shear = solve @ (moved * (size / length) - fixed)
        step = np.array([[1 + zoom + stretch, shear - turn, x], [shear + turn, 1 + zoom - stretch, y], [0, 0, 1]])
        if abs(float(np.linalg.det(step))) < 0.5:
            break
        warp = warp @ np.linalg.inv(step)
        if np.abs(warp - np.eye(3)).max() > _FARTHEST * _SIDE:
            break
    return Registered(best, left, steepest)


_MIDDLE = (_SIDE - 1) / 2
_Y, _X = (np.mgrid[:_SIDE, :_SIDE] - _MIDDLE).astype(np.float32)
_INNER = np.zeros((_SIDE, _SIDE), bool)
_INNER[_BORDER:-_BORDER, _BORDER:-_BORDER] = True
_FROM_MIDDLE = np.array([[1, 0, _MIDDLE], [0, 1, _MIDDLE], [0, 0, 1]])
_TO_MIDDLE = np.array([[1, 0, -_MIDDLE], [0, 1, -_MIDDLE], [0, 0, 1]])
_BEND = np.cos(np.pi * np.outer(np.arange(_BENDS), (np.arange(_SIDE) + 0.5) / _SIDE)).astype(np.float32)
_COSINES = np.stack([np.outer(a, b)[_INNER] for a in _BEND for b in _BEND])  # (16, 1764)
