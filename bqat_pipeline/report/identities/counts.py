"""How many pictures may show the same person: counts only, never a picture, a name or a template."""

from pydantic import BaseModel, ConfigDict, Field

from bqat_pipeline.datasets import Generation
from bqat_pipeline.datasets.scan_warnings import identities_problem


class Identities(BaseModel):
    """Counts of the finding `identities`; null where they could not be looked for, `problem` says why."""

    model_config = ConfigDict(frozen=True)

    compared: int | None = None
    without_template: int | None = None
    pairs: int | None = None
    pictures: int | None = None
    groups: int | None = None
    threshold: float | None = None
    note: str = ""
    problem: str = Field("", description="Why the last scan could not look for them.")


def identities(generation: Generation, *, hashed: bool = False) -> Identities | None:
    """The counts; None where identities were not looked for.

    Parameters
    ----------
    hashed : Whether files, of which a problem may name one, are not named.
    """
    found, problem = generation.summary("identities"), identities_problem(generation)
    if problem and hashed:
        problem = "the log of the scan says why"
    if not found:
        return Identities(problem=problem) if problem else None
    note = found.get("note") or ""
    return Identities(
        problem=problem,
        compared=found["templates"],
        without_template=sum(found["without_template"].values()),
        pairs=found["pairs_of_other_files"],
        pictures=found["pictures_in_pairs"],
        groups=found["groups"],
        threshold=found["options"]["threshold"],
        note=f"{note[:1].upper()}{note[1:]}." if note else "",
    )
