"""Distances of perceptual hashes between copies and between other pictures: the figures of docs/outliers.md on duplicates.

    python benchmarks/duplicates.py PICTURES

Hashes every picture below PICTURES and five changed copies of each (JPEG at quality 40, half size, brighter, darker and
lighter mid-tones), compares all pairs, and counts what the search without comparing all pairs finds of them.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from bqat_pipeline.duplicates import NEAR_BITS
from bqat_pipeline.duplicates.hashes import distance
from bqat_pipeline.duplicates.pairs import near_pairs

Image = np.ndarray


def _gamma(exponent: float) -> Callable[[Image], Image]:
    return lambda image: (255 * (image / 255.0) ** exponent).round().astype(np.uint8)


CHANGES: dict[str, Callable[[Image], Image]] = {
    "JPEG 40": lambda image: cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], 1),
    "half size": lambda image: cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    "brightness + 20": lambda image: cv2.add(image, np.full_like(image, 20)),
    "gamma 1.3": _gamma(1.3),
    "gamma 0.75": _gamma(0.75),
}


def hash_of(image: Image) -> np.ndarray:
    """(32,) uint8 perceptual hash of a BGR picture."""
    from bqat_pipeline.face.picture.identity import phash256
    from bqat_pipeline.face.picture.pyramid import Pyramid

    picture = np.ascontiguousarray(image[:, :, ::-1])
    return np.frombuffer(bytes.fromhex(phash256(Pyramid(picture, (image.shape[1], image.shape[0])))), np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pictures", type=Path)
    folder = parser.parse_args().pictures
    images = [image for path in sorted(folder.rglob("*.*")) if (image := cv2.imread(str(path))) is not None]
    originals = np.stack([hash_of(image) for image in images])
    print(f"{len(images)} pictures")
    print("| copy | median | 95 % | largest |")
    print("| --- | --- | --- | --- |")
    everything = [originals]
    for name, change in CHANGES.items():
        copies = np.stack([hash_of(change(image)) for image in images])
        everything.append(copies)
        bits = distance(originals, copies)
        print(f"| {name} | {np.median(bits):.0f} | {np.percentile(bits, 95):.0f} | {bits.max()} |")
    first, second = np.triu_indices(len(originals), 1)
    others = np.sort(distance(originals[first], originals[second]))
    print(f"pairs of different files within {NEAR_BITS} bits: {(others <= NEAR_BITS).sum()} of {len(others)}")
    print(f"smallest distances of different files: {others[:20].tolist()}")
    unique = np.unique(np.concatenate(everything), axis=0)
    first, second = np.triu_indices(len(unique), 1)
    blocks = range(0, len(first), 1_000_000)
    bits = np.concatenate(
        [distance(unique[first[b : b + 1_000_000]], unique[second[b : b + 1_000_000]]) for b in blocks]
    )
    near = (bits > 0) & (bits <= NEAR_BITS)
    found = near_pairs(unique, NEAR_BITS)
    print(
        f"pairs within {NEAR_BITS} bits: {near.sum()}, found without comparing all: {len(found.first) / near.sum():.4f}"
    )


if __name__ == "__main__":
    main()
