"""How a report is to look."""

from dataclasses import dataclass, replace
from typing import Literal, cast, get_args

from bqat_pipeline.settings import Settings, settings

Thumbnails = Literal["full", "blurred", "none"]
Names = Literal["path", "hashed"]


@dataclass(frozen=True)
class ReportOptions:
    """How a report is to look.

    Attributes
    ----------
    thumbnails : Faces as they are, blurred, or none.
    names : ``path``, or ``hashed``: no file and folder names on the page, in report.json and in the lists.
    worst, unusual : Most pictures in the two galleries.
    worst_per_measure : Pictures shown at each measure.
    duplicate_groups : Most groups of duplicates shown.
    max_thumbnails : Most different pictures on the page; keeps it below 6 MB.
    group_by : Columns of the metadata CSV to group by; empty: all with 2 to 50 different values.
    max_groups : Most groups in one table; the rest is counted as one.
    min_group : Groups with fewer pictures are not shown on their own.
    """

    thumbnails: Thumbnails = "full"
    names: Names = "path"
    worst: int = 24
    unusual: int = 36
    worst_per_measure: int = 4
    duplicate_groups: int = 24
    max_thumbnails: int = 300
    group_by: tuple[str, ...] = ()
    max_groups: int = 40
    min_group: int = 20

    @classmethod
    def from_settings(cls, chosen: Settings | None = None) -> "ReportOptions":
        """The options that the environment (``BQAT_THUMBNAILS``, ``BQAT_REPORT_NAMES``) asks for."""
        chosen = chosen or settings()
        return cls(thumbnails=chosen.thumbnails, names=chosen.report_names)

    def with_choices(self, *, thumbnails: str = "", names: str = "") -> "ReportOptions":
        """The same with other words for thumbnails and names; empty: unchanged.

        Raises
        ------
        ValueError : for a word that there is not.
        """
        for option, word, known in (("thumbnails", thumbnails, Thumbnails), ("names", names, Names)):
            if word and word not in get_args(known):
                raise ValueError(f"{option} is {word!r}; it must be one of {', '.join(get_args(known))}")
        return replace(
            self,
            thumbnails=cast(Thumbnails, thumbnails or self.thumbnails),
            names=cast(Names, names or self.names),
        )
