"""How many pictures may show the same person: counts only, never a picture, a name or a template."""

from pydantic import BaseModel, ConfigDict

from bqat_pipeline.datasets import Generation


class Identities(BaseModel):
    """Counts of the finding `identities`."""

    model_config = ConfigDict(frozen=True)

    compared: int
    without_template: int
    pairs: int
    pictures: int
    groups: int
    threshold: float
    note: str = ""


def identities(generation: Generation) -> Identities | None:
    """The counts; None where identities were not looked for."""
    found = generation.summary("identities")
    if not found:
        return None
    note = found.get("note") or ""
    return Identities(
        compared=found["templates"],
        without_template=sum(found["without_template"].values()),
        pairs=found["pairs_of_other_files"],
        pictures=found["pictures_in_pairs"],
        groups=found["groups"],
        threshold=found["options"]["threshold"],
        note=f"{note[:1].upper()}{note[1:]}." if note else "",
    )
