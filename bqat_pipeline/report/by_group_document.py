"""The part of report.json about groups of people."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from bqat_pipeline.report.rates import Rate
from bqat_pipeline.requirements.rule_set import Severity


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class GroupFailures(_Model):
    """How often one group fails one requirement."""

    group: str
    failed: Rate = Field(description="Of the assessed pictures of the group; for `unmeasured` of all its files.")
    difference: float | None = Field(description="Rate less that of all other groups, -1..1.")
    p_value: float = Field(description="Fisher's exact test against the other groups, adjusted for all comparisons.")
    differs: Literal["more", "less", ""] = Field(description="Beyond chance, and by two percentage points or more.")


class RequirementByGroup(_Model):
    """One requirement, for every group of a column."""

    name: str = Field(description="`unmeasured` and `overall` (any required limit) stand before the requirements.")
    title: str
    severity: Severity | Literal[""]
    groups: list[GroupFailures]

    @property
    def failing(self) -> bool:
        """Whether any picture of the groups fails."""
        return any(group.failed.count for group in self.groups)


class ColumnOfGroups(_Model):
    """Failure rates by one column of the metadata table."""

    column: str
    groups: list[str] = Field(description="Those with enough pictures, the largest first.")
    measured: list[int]
    requirements: list[RequirementByGroup]
    small: int = Field(description="Groups too small to be shown; their pictures count among the others.")
    small_files: int
    more: int = Field(description="Groups beyond the most that are shown; their pictures count among the others.")
    unknown_files: int = Field(description="Files without a value; they are left out.")
    undetected: float = Field(
        description="Failure rate that the smallest group shown may have although nobody of it fails (95 %)."
    )


class ByGroup(_Model):
    """All columns of the metadata table."""

    columns: list[ColumnOfGroups]
    comparisons: int = Field(
        description="Comparisons that could have shown a difference; p values are adjusted for them."
    )
    differing: int = Field(description="Rates that differ from those of the other groups beyond chance.")
    sentences: list[str] = Field(description="The largest differences in words.")
