"""Where the numbers come from, and what they cannot say."""

import hashlib
import platform
from importlib.metadata import PackageNotFoundError, version

import pyarrow as pa
import pyarrow.compute as pc

from bqat_pipeline import __version__
from bqat_pipeline.columns import SCHEMA_VERSION, ColumnSet
from bqat_pipeline.datasets import DatasetRecord, Manifest
from bqat_pipeline.report import formatting
from bqat_pipeline.report.document import Caveat, Fact
from bqat_pipeline.requirements import RuleSet

_CAVEATS = {
    "Not a conformance test": "Limits are checked on measurements of the picture. Rules about the moment of capture "
    "(likeness, age of the picture, retouching, printing) need a person.",
    "Borderline is an honest answer": "Each limit has a band as wide as the error of its measurement. A picture inside "
    "the band is neither passed nor failed; look at it.",
    "Unusual is not bad": "Unusual pictures differ from the others in this data set. A data set that is bad throughout "
    "has none, and a good picture can be one.",
    "Copies": "Near copies are found by a hash of the picture that survives re-encoding and scaling, not cropping or "
    "turning by more than about a degree. Copies that were cropped, turned, mirrored or brightened are known by the "
    "face, where there is one.",
    "Differences between people": "Luminance, under-exposure and dynamic range of the face follow skin tone as much as "
    "the light; no shipped limit is set on one of them. Do not compare groups of people by them without a look at the "
    "pictures. Whether the limits treat groups alike is compared in By group, when a metadata table says who is who.",
    "Intervals": "Intervals are 95 % Wilson intervals and treat pictures as independent. Several pictures of one "
    "person, or copies, make them look narrower than they are.",
}
_APPROXIMATE = (
    "Approximate measures",
    "The definition of the standard needs a part that this engine replaces; the column descriptions say which.",
)
_MISSING = (
    "Measures that are not computed",
    "They need network weights that are not shipped; the external engine ofiq supplies them.",
)
_NO_BACKGROUND = (
    "Measures that nobody asked for",
    "The person was not told from the background (BQAT_BACKGROUND=false): shoulders, top of the hair, the crown where "
    "the picture's edge is close to it, and all of the background are empty, and limits on them are not assessed.",
)
_LIBRARIES = ("numpy", "opencv-python-headless", "ai-edge-litert", "mediapipe", "pyarrow", "pillow")


class Fingerprint:
    """SHA-256 over names and content hashes of all files, in row order: equal for equal data."""

    columns = ("file", "sha256")

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def add(self, batch: pa.RecordBatch) -> None:
        """Take in a batch with ``file`` and ``sha256``."""
        names, hashes = (pc.fill_null(batch.column(name), "") for name in self.columns)
        lines = pc.binary_join_element_wise(names, hashes, "", "\n")
        joined = pc.binary_join(pa.ListArray.from_arrays([0, len(lines)], lines), "")
        self._digest.update(joined[0].as_buffer())

    @property
    def value(self) -> str:
        return self._digest.hexdigest()


def provenance(
    record: DatasetRecord, manifest: Manifest, rules: RuleSet, fingerprint: str, *, show_paths: bool
) -> list[Fact]:
    """Everything needed to make the same numbers again."""
    options = record.options.model_dump(exclude_none=True, exclude={"temp"})
    facts = [
        Fact(name="Product", value=f"bqat-pipeline {__version__}, Python {platform.python_version()}"),
        Fact(name="Engine", value=manifest.engine),
        Fact(name="Engine fingerprint", value=manifest.engine_fingerprint, code=True),
        Fact(name="Libraries", value=", ".join(_versions())),
        *_models(manifest.engine),
        Fact(name="Scan options", value=", ".join(f"{k} = {_option(v)}" for k, v in options.items())),
        Fact(name="Rule set", value=f"{rules.name} {rules.version}"),
        Fact(name="SHA-256 of the rule set", value=rules.digest, code=True),
        Fact(name="Data fingerprint (names and content)", value=fingerprint, code=True),
        Fact(name="Generation", value=manifest.generation, code=True),
        Fact(name="Column schema", value=f"version {SCHEMA_VERSION}"),
        Fact(name="Dagster run", value=manifest.run_id or "none", code=bool(manifest.run_id)),
        Fact(name="Time of the scan", value=f"{formatting.number(manifest.seconds)} s of work"),
    ]
    if show_paths:
        facts.insert(0, Fact(name="Source", value=", ".join(s.prefix or s.uri for s in record.sources)))
    return facts


def _versions() -> list[str]:
    found = []
    for name in _LIBRARIES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return found


def _models(engine: str) -> list[Fact]:
    if engine not in ("bqat", "fusion"):
        return []
    from bqat_pipeline.face.nets.models import MODELS

    return [Fact(name=f"SHA-256 of {m.path.rsplit('/', 1)[-1]}", value=m.sha256, code=True) for m in MODELS]


def _option(value: object) -> str:
    return " ".join(str(v) for v in value) if isinstance(value, list) else str(value)


def caveats(columns: ColumnSet, rules: RuleSet, *, background: bool) -> list[Caveat]:
    """What the numbers cannot say.

    Parameters
    ----------
    background : Whether the person was told from the background, where the engine does that.
    """
    natives = [c for c in columns if not c.name.endswith("_score")]
    lists = {
        _APPROXIMATE: [c.title for c in natives if c.method == "approx"],
        _MISSING: [c.title for c in natives if c.method == "not_computable"],
    }
    result = [Caveat(title=title, text=text) for title, text in _CAVEATS.items()]
    result += [
        Caveat(title=title, text=f"{_listing(found)}. {text}") for (title, text), found in lists.items() if found
    ]
    if not background and "aux_background_fraction" in columns:
        result.append(Caveat(title=_NO_BACKGROUND[0], text=_NO_BACKGROUND[1]))
    if rules.not_covered:
        result.append(Caveat(title="Rules of the profile that are not judged", text=" ".join(rules.not_covered)))
    return result


def _listing(titles: list[str]) -> str:
    return ", ".join([titles[0], *(t[:1].lower() + t[1:] for t in titles[1:])])
