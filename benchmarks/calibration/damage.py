"""Damaged copies of pictures, with what was done to them: what blur, compression and utility are learned from.

Each copy goes through what happens to a picture on its way: another size, cover, light, lens, sensor, file. All of it is drawn
from a generator seeded by the file's name and the number of the copy, so that a run gives the same copies again.
"""

import zlib
from dataclasses import dataclass, field

import cv2
import numpy as np
from scipy.spatial import Delaunay

from bqat_pipeline.face.context import FaceContext
from bqat_pipeline.face.landmarks import FACE_MASK, MOUTH_CORNERS, NOSE_TIP

SAMPLING = 0.33  # px, standard deviation of the blur that reducing a sharp picture leaves: about a box of one px
_SMALLEST, _LARGEST = 18, 200  # px between the eyes of a copy
_SHARE = 0.8  # of the eye distance up to which a picture holds detail: copies up to it are sharp at px level


@dataclass(frozen=True)
class Harm:
    """How often copies get each damage, and how bad it may be.

    Attributes
    ----------
    room : Eye distances around the face that are kept of the picture.
    pose, cover, turn, light, blur, noise, grey : Probabilities.
    widest : Standard deviation of the blur, eye distances.
    darkest, brightest : Gain of the light.
    flattest : Share of the contrast that is left.
    noisiest : Standard deviation, grey levels.
    lowest : JPEG and WebP quality.
    """

    room: float = 3.2
    pose: float = 0.25
    cover: float = 0.12
    turn: float = 0.15
    light: float = 0.35
    blur: float = 0.5
    noise: float = 0.3
    grey: float = 0.05
    widest: float = 0.16
    darkest: float = 0.004
    brightest: float = 12
    flattest: float = 0.05
    noisiest: float = 45
    lowest: float = 3


# Until no face is found: what utility is learned from.
HARSH = Harm()
# What blur and loss by compression are learned from: other damage that hides neither.
MILD = Harm(room=1.8, pose=0, cover=0.05, light=0.2, blur=0.65, noise=0.25,
            widest=0.2, darkest=0.08, brightest=3, flattest=0.3, noisiest=14, lowest=6)  # fmt: skip


@dataclass
class Copy:
    """A damaged copy.

    Attributes
    ----------
    content : The file.
    before : (h, w, 3) uint8 RGB: the same picture before it was compressed.
    points : (478, 3) landmarks, px of the copy.
    blur : Standard deviation of the blur, px of the copy, sampling included.
    done : What was done to it.
    """

    content: bytes
    before: np.ndarray
    points: np.ndarray
    blur: float
    done: list[str] = field(default_factory=list)


@dataclass
class Portrait:
    """A picture to be damaged: (h, w, 3) uint8 RGB, and (478, 3) landmarks, its px; eye distances in px."""

    name: str
    image: np.ndarray
    points: np.ndarray
    eye_distance: float
    sharp_eye_distance: float
    harm: Harm

    @classmethod
    def of(cls, name: str, context: FaceContext, effective: float, harm: Harm) -> "Portrait":
        """The part of a picture around its face; ``effective``: its ``aux_effective_eye_distance``."""
        image, distance = context.pyramid.level(context.pyramid.base), context.geometry.eye_distance
        points = context.points / 2**context.pyramid.base
        distance /= 2**context.pyramid.base
        middle = points[:, :2].mean(axis=0)
        left, upper = np.maximum(middle - harm.room * distance, 0).astype(int)
        right, lower = np.minimum(middle + harm.room * distance, image.shape[1::-1]).astype(int)
        return cls(
            name, image[upper:lower, left:right], points - (left, upper, 0), distance, min(effective, distance), harm
        )

    def copy(self, number: int) -> Copy:
        """Copy ``number``; 0 is only made smaller."""
        random = np.random.default_rng([zlib.crc32(self.name.encode()), number])
        most = min(_SHARE * self.sharp_eye_distance, _LARGEST)
        # Small copies are rarer than large ones: few detectors find them, and few users have them.
        distance = most * (min(_SMALLEST / most, 1.0) ** (random.uniform() ** 2 if number else 0.0))
        factor = distance / self.eye_distance
        image = cv2.resize(self.image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        if not number:
            return Copy(_encoded(image, ".png", []), image, self.points * factor, SAMPLING)
        return _damaged(image, self.points * factor, distance, random, self.harm)


def _damaged(image: np.ndarray, points: np.ndarray, distance: float, random: np.random.Generator, harm: Harm) -> Copy:
    done: list[str] = []
    variance = SAMPLING**2
    if random.uniform() < harm.pose:
        image, points = _posed(image, points, distance, random)
        done.append("pose")
    if random.uniform() < harm.cover:
        image = _covered(image, points[:, :2], distance, random)
        done.append("cover")
    if random.uniform() < harm.turn:
        image, points = _turned(image, points, random)
        done.append("turn")
    if random.uniform() < harm.light:
        image = _lit(image, random, harm)
        done.append("light")
    if random.uniform() < harm.blur:
        image, more = _blurred(
            image, distance * float(np.exp(random.uniform(np.log(0.004), np.log(harm.widest)))), random
        )
        variance += more
        done.append("blur")
    if random.uniform() < harm.noise:
        image = _noisy(image, random, harm)
        done.append("noise")
    if random.uniform() < harm.grey:
        image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        done.append("grey")
    content, how = _compressed(image, random, harm)
    if how:
        done.append(how)
    return Copy(content, image, points, variance**0.5, done)


def _posed(
    image: np.ndarray, points: np.ndarray, distance: float, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The head turned in depth by its mesh, the picture around it stretched along; and the turned landmarks."""
    yaw, pitch = np.radians(random.normal(0, (25, 12)))
    turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    turn = turn @ np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    centre = points.mean(axis=0) + np.array([0, 0, 0.8 * distance])
    rim = points[list(FACE_MASK)]
    rim = centre + (rim - centre) * (1.45, 1.45, 0) + (0, 0, 0.2 * distance)
    height, width = image.shape[:2]
    far = 4 * distance
    edges = [(x, y, far) for x in np.linspace(0, width - 1, 5) for y in (0, height - 1)]
    edges += [(x, y, far) for x in (0, width - 1) for y in np.linspace(0, height - 1, 5)[1:-1]]
    inside = (rim[:, 0] > 2) & (rim[:, 1] > 2) & (rim[:, 0] < width - 3) & (rim[:, 1] < height - 3)
    head = np.vstack([points, rim[inside]])
    source = np.vstack([head, edges])
    target = source.copy()
    target[: len(head)] = (head - centre) @ turn.T + centre
    triangles = Delaunay(source[:, :2]).simplices
    out = image.copy()
    for corners in triangles[np.argsort(-target[triangles, 2].mean(axis=1))]:  # the furthest first
        _draw_triangle(image, source[corners, :2], target[corners, :2], out)
    return out, target[: len(points)]


def _draw_triangle(image: np.ndarray, source: np.ndarray, target: np.ndarray, out: np.ndarray) -> None:
    height, width = out.shape[:2]
    low = np.clip(np.floor(target.min(axis=0)).astype(int) - 1, 0, (width, height))
    high = np.clip(np.ceil(target.max(axis=0)).astype(int) + 2, 0, (width, height))
    size = tuple(int(v) for v in high - low)
    if min(size) < 1:
        return
    matrix = cv2.getAffineTransform(source.astype(np.float32), (target - low).astype(np.float32))
    part = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    mask = np.zeros(size[::-1], np.uint8)
    cv2.fillConvexPoly(mask, np.rint((target - low) * 16).astype(np.int32), 255, shift=4)
    cv2.copyTo(part, mask, out[low[1] : high[1], low[0] : high[0]])


def _covered(image: np.ndarray, points: np.ndarray, distance: float, random: np.random.Generator) -> np.ndarray:
    """A mask over mouth and nose, a bar over the eyes, or a patch somewhere on the face."""
    image = image.copy()
    colour = tuple(int(c) for c in random.integers(0, 256, 3))
    eyes, mouth, nose = points[[33, 263]], points[list(MOUTH_CORNERS)].mean(axis=0), points[NOSE_TIP]
    kind = random.integers(3)
    if kind == 0:
        side = (eyes[1] - eyes[0]) * 0.75
        down = mouth - eyes.mean(axis=0)
        low = mouth + 0.9 * down
        hull = np.array(
            [
                nose - 0.2 * down,
                nose + side,
                mouth + side,
                low + 0.5 * side,
                low - 0.5 * side,
                mouth - side,
                nose - side,
            ]
        )
        cv2.fillPoly(image, [hull.astype(np.int32)], colour, cv2.LINE_AA)
    elif kind == 1:
        ends = [eyes.mean(axis=0) + s * 0.75 * (eyes[1] - eyes[0]) for s in (-1, 1)]
        cv2.line(
            image, *(tuple(int(v) for v in e) for e in ends), colour, max(1, int(distance * random.uniform(0.3, 0.7)))
        )
    else:
        centre = points[random.integers(468)]
        size = distance * random.uniform(0.3, 0.8, 2)
        cv2.ellipse(
            image, (tuple(map(float, centre)), tuple(map(float, 2 * size)), float(random.uniform(0, 180))), colour, -1
        )
    return image


def _turned(image: np.ndarray, points: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), float(random.normal(0, 15)), 1.0)
    turned = points.copy()
    turned[:, :2] = points[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    image = cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return image, turned


def _lit(image: np.ndarray, random: np.random.Generator, harm: Harm) -> np.ndarray:
    """Too dark, too bright, flat, or lit from one side, in linear light; too little light comes with noise."""
    linear = (image.astype(np.float32) / 255) ** 2.2
    kind = random.integers(4)
    if kind == 0:
        gain = float(np.exp(random.uniform(np.log(harm.darkest), np.log(0.4))))
        linear = linear * gain + random.normal(0, 1, image.shape).astype(np.float32) * np.sqrt(
            linear * gain
        ) * random.uniform(0, 0.05)
    elif kind == 1:
        linear = linear * float(np.exp(random.uniform(np.log(1.5), np.log(harm.brightest))))
    elif kind == 2:
        linear = random.uniform(0, 0.6) + linear * random.uniform(harm.flattest, 0.6)
    else:
        width = image.shape[1]
        ramp = 1 / (
            1 + np.exp(-(np.arange(width) - width / 2) / (width * random.uniform(0.03, 0.2)) * random.choice([-1, 1]))
        )
        linear = linear * (random.uniform(0.0, 0.2) + random.uniform(0.6, 2.5) * ramp.astype(np.float32))[:, None]
    return np.rint(np.clip(linear, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8)


def _blurred(image: np.ndarray, deviation: float, random: np.random.Generator) -> tuple[np.ndarray, float]:
    """Defocus, motion, reduction and enlargement, or a Gaussian; and the variance of the blur that was added, px^2."""
    kind = random.integers(4)
    if kind == 0:
        return cv2.GaussianBlur(image, (0, 0), deviation, borderType=cv2.BORDER_REPLICATE), deviation**2
    if kind == 1:  # a disc of radius r has a deviation of r / 2 in each direction
        return cv2.filter2D(image, -1, _disc(2 * deviation), borderType=cv2.BORDER_REPLICATE), deviation**2
    if kind == 2:  # the mean over both directions of a line of length l: l^2 / 24
        kernel = _line(24**0.5 * deviation, float(random.uniform(0, np.pi)))
        return cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REPLICATE), deviation**2
    factor = max(1.0, 12**0.5 * deviation)
    height, width = image.shape[:2]
    small = cv2.resize(
        image, (max(8, round(width / factor)), max(8, round(height / factor))), interpolation=cv2.INTER_AREA
    )
    mode = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)[random.integers(3)]
    # Interpolation adds a blur of its own: linear f^2 / 6, the others about half.
    added = factor**2 * (1 / 12 + (1 / 6 if mode == cv2.INTER_LINEAR else 1 / 12)) if factor > 1 else 0.0
    return cv2.resize(small, (width, height), interpolation=mode), added


def _disc(radius: float) -> np.ndarray:
    side = int(np.ceil(radius)) + 1
    y, x = np.mgrid[-side : side + 1, -side : side + 1]
    kernel = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1)
    return (kernel / kernel.sum()).astype(np.float32)


def _line(length: float, angle: float) -> np.ndarray:
    side = int(np.ceil(length / 2)) + 1
    y, x = np.mgrid[-side : side + 1, -side : side + 1]
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    kernel = np.clip(length / 2 + 0.5 - np.abs(along), 0, 1) * np.clip(1 - np.abs(across), 0, 1)
    return (kernel / kernel.sum()).astype(np.float32)


def _noisy(image: np.ndarray, random: np.random.Generator, harm: Harm) -> np.ndarray:
    noise = random.normal(0, 1, image.shape).astype(np.float32)
    if random.uniform() < 0.5:
        noise = np.repeat(noise[:, :, :1], 3, axis=2)
    if random.uniform() < 0.4:  # grain of more than a px
        noise = cv2.GaussianBlur(noise, (0, 0), 0.8) * 2.5
    return np.clip(np.rint(image + noise * np.exp(random.uniform(np.log(1.5), np.log(harm.noisiest)))), 0, 255).astype(
        np.uint8
    )


def _compressed(image: np.ndarray, random: np.random.Generator, harm: Harm) -> tuple[bytes, str]:
    """The file and the method."""
    kind = random.choice(["png", "jpeg", "again", "webp", "jp2"], p=[0.2, 0.42, 0.14, 0.14, 0.1])
    quality = int(np.exp(random.uniform(np.log(harm.lowest), np.log(98))))
    sampling = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, int(random.choice([0x111111, 0x221111]))]
    if kind == "png":
        return _encoded(image, ".png", []), ""
    if kind == "webp":
        return _encoded(image, ".webp", [cv2.IMWRITE_WEBP_QUALITY, quality]), "webp"
    if kind == "jp2":
        rate = int(np.exp(random.uniform(np.log(4), np.log(300))))
        return _encoded(image, ".jp2", [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, rate]), "jp2"
    content = _encoded(image, ".jpg", [cv2.IMWRITE_JPEG_QUALITY, quality, *sampling])
    if kind == "jpeg":
        return content, "jpeg"
    again = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR_RGB)
    if random.uniform() < 0.3:  # cut between two compressions: the blocks of the first are off the grid of the second
        x, y = random.integers(1, 8, 2)
        again = np.ascontiguousarray(cv2.copyMakeBorder(again[y:, x:], 0, y, 0, x, cv2.BORDER_REPLICATE))
        again = np.roll(again, (y, x), (0, 1))
    return _encoded(again, ".jpg", [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(88, 99)), *sampling]), "again"


def _encoded(image: np.ndarray, kind: str, options: list[int]) -> bytes:
    return cv2.imencode(kind, cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)[1].tobytes()
