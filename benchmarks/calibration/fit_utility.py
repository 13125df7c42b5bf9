"""Fit what aux_blur, aux_compression_ssim and aux_utility are estimated with, on damaged copies of labelled pictures.

usage: python -m benchmarks.calibration.fit_utility MANIFEST.csv MODEL.dat OUTPUT_FOLDER [--leave-out SOURCE ...]

MANIFEST.csv as benchmarks/evaluate.py has it, with person_id and source; MODEL.dat is the file of the extra `identity`. Writes
blur_trees.json, compression_trees.json and utility_trees.json, and prints what cross-validation by person says.

Blur is known, since it was made. Compression: structural similarity with the same copy before it was compressed. Utility:
distance of the copy's template from other good pictures of the person; where there is no other, from the picture itself, with the
usual distance of two good pictures of a person added (both changes are independent, so that squares add up).

OUTPUT_FOLDER is bqat_pipeline/face/data: copies for utility are measured with the tables of blur and compression in there.

--leave-out: persons of these sources who have several pictures are left out everywhere, so that the figures of
benchmarks/evaluate.py on them are those of people whom nothing has seen.
"""

import argparse
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression

from benchmarks.calibration.samples import Collector, Detail, Sample
from benchmarks.calibration.tree_table import Size, fit, held_out, write
from bqat_pipeline.face.measures import blur, compression_loss, utility
from bqat_pipeline.face.trees import trees

SIZES = {
    "blur": Size(monotonic=blur.MONOTONIC),
    "compression": Size(),
    "utility": Size(trees=120, leaves=8, monotonic=utility.MONOTONIC),
}
THRESHOLD = 0.374  # distance at a false match rate of 0.1 % on the labelled pictures
_FRONTAL = 20  # degrees, yaw of a good picture
_DISCARDED = (0.0, 0.05, 0.1, 0.2, 0.3)
Array = np.ndarray


def tell(name: str, truth: Array, found: Array) -> None:
    """Print how well values agree."""
    rest = 1 - np.square(truth - found).sum() / np.square(truth - truth.mean()).sum()
    print(
        f"{name}: {len(truth)}, rank correlation {spearmanr(truth, found)[0]:.3f}, mean absolute error "
        f"{np.abs(truth - found).mean():.4f}, share of the variance {rest:.3f}"
    )


def tell_by_damage(samples: Sequence[Sample], truth: Array, found: Array) -> None:
    """The same for copies with each kind of damage."""
    for kind in ("pose", "cover", "turn", "light", "blur", "noise", "jpeg", "again", "webp", "jp2"):
        chosen = np.array([kind in (s.done or ()) for s in samples])
        if chosen.sum() > 20:
            tell(f"    {kind}", truth[chosen], found[chosen])


def good_pictures(pictures: Sequence[Sample]) -> dict[str, dict[str, Array]]:
    """Templates of the pictures of each person that are nearly frontal, by file."""
    good: dict[str, dict[str, Array]] = defaultdict(dict)
    for picture in pictures:
        if abs(float(picture.values["iso_head_pose_yaw"])) < _FRONTAL:  # type: ignore[arg-type]
            good[picture.person][picture.file] = picture.template
    return good


def usual_distance(pictures: Sequence[Sample]) -> float:
    """Median distance of two good pictures of a person."""
    pairs = [
        float(np.linalg.norm(a - b))
        for of_person in good_pictures(pictures).values()
        for i, a in enumerate(of_person.values())
        for b in list(of_person.values())[:i]
    ]
    if not pairs:
        raise SystemExit("no person has two good pictures: utility cannot be learned")
    print(f"good pictures of a person: {len(pairs)} pairs, median distance {np.median(pairs):.3f}")
    return float(np.median(pairs))


def distances(copies: Sequence[Sample], pictures: Sequence[Sample], usual: float) -> Array:
    """(n,) distance of each copy from good pictures of its person."""
    good, itself = good_pictures(pictures), {picture.file: picture.template for picture in pictures}
    found = []
    for copy in copies:
        others = [t for file, t in good[copy.person].items() if file != copy.file]
        if others:
            found.append(float(np.median([np.linalg.norm(copy.template - t) for t in others])))
        else:
            found.append(float(np.hypot(np.linalg.norm(copy.template - itself[copy.file]), usual)))
    return np.array(found)


def fit_detail(details: Sequence[Detail], folder: Path) -> None:
    """Fit and write blur and compression."""
    for name, features in (("blur", blur.FEATURES), ("compression", compression_loss.FEATURES)):
        known = [d for d in details if getattr(d, name)]
        x = np.array([getattr(d, name)[0] for d in known])
        y = np.array([getattr(d, name)[1] for d in known])
        found = held_out(x, y, [d.person for d in known], SIZES[name])
        tell(f"\naux_{name}", y, found)
        tell_by_damage(known, y, found)
        write(fit(x, y, SIZES[name]), features, folder / f"{name}_trees.json")


def fit_utility(copies: Sequence[Sample], pictures: Sequence[Sample], usual: float, folder: Path) -> None:
    """Fit and write utility; print how well it ranks, and what discarding the worst leaves.

    Parameters
    ----------
    usual : Distance of two good pictures of a person.
    """
    y = distances(copies, pictures, usual)
    features = [utility.features(c.values) for c in copies]
    kept = [i for i, f in enumerate(features) if f is not None]
    copies, y = [copies[i] for i in kept], y[kept]
    x, people = np.array([features[i] for i in kept]), [c.person for c in copies]
    found = held_out(x, y, people, SIZES["utility"])
    tell("\naux_utility (distance)", y, found)
    tell_by_damage(copies, y, found)
    missed = y > THRESHOLD
    confidence = np.array([float(c.values["confidence"]) for c in copies])  # type: ignore[arg-type]
    for name, rank in (("utility", -found), ("detector score", confidence)):
        order = np.argsort(rank)
        rates = [float(missed[order[round(share * len(order)) :]].mean()) for share in _DISCARDED]
        print(f"missed after discarding {_DISCARDED} by {name}: " + ", ".join(f"{rate:.3f}" for rate in rates))
    logistic = LogisticRegression(C=1e6).fit(found[:, None], ~missed)
    slope, bias = float(logistic.coef_[0, 0]), float(logistic.intercept_[0])
    print(f"probability of a match: 1 / (1 + exp(-({bias:.4g} + {slope:.4g} x distance)))")
    probability = 1 / (1 + np.exp(-(bias + slope * found)))
    for low, high in ((0, 0.1), (0.1, 0.3), (0.3, 0.5), (0.5, 0.7), (0.7, 0.9), (0.9, 0.97), (0.97, 1.01)):
        inside = (probability >= low) & (probability < high)
        if inside.any():
            print(f"    utility {low:g} to {high:g}: {inside.sum()} copies, {1 - missed[inside].mean():.2f} match")
    write(fit(x, y, SIZES["utility"]), utility.FEATURES, folder / "utility_trees.json")


def main() -> None:
    """Collect, cross-validate, fit on everything, write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("manifest", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--details", type=int, default=18, help="copies of a picture for blur and compression; 0: as they are"
    )
    parser.add_argument("--copies", type=int, default=7, help="copies of a picture for utility; 0: as it is")
    parser.add_argument("--leave-out", nargs="*", default=[], metavar="SOURCE")
    arguments = parser.parse_args()
    collector = Collector(arguments.manifest, arguments.model)
    pictures = list(collector.pictures())
    several = Counter(p.person for p in pictures)
    left_out = {p.person for p in pictures if p.source in arguments.leave_out and several[p.person] > 1}
    print(f"left out: {len(left_out)} persons")
    usual = usual_distance(pictures)
    if arguments.details:
        fit_detail([d for d in collector.details(arguments.details) if d.person not in left_out], arguments.folder)
        trees.cache_clear()  # of earlier tables
    if arguments.copies:
        copies = [c for c in collector.copies(arguments.copies) if c.person not in left_out]
        fit_utility(copies, [p for p in pictures if p.person not in left_out], usual, arguments.folder)


if __name__ == "__main__":
    main()
