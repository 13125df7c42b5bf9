"""Pictures that may show the same person: ``bqat identities``, and what ``show`` and ``scan`` say of them."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bqat_pipeline.cli.console import CliError, err, out, print_json, printable
from bqat_pipeline.cli.lookup import dataset, open_store
from bqat_pipeline.datasets import DamagedDatasetError
from bqat_pipeline.datasets.scan_warnings import identities_problem
from bqat_pipeline.settings import settings

if TYPE_CHECKING:
    import pyarrow.dataset as ds

    from bqat_pipeline.datasets import DatasetRecord, DatasetStore
    from bqat_pipeline.identity.calibration import Calibration
    from bqat_pipeline.identity.questions import Names, Pair
    from bqat_pipeline.identity.templates import DatasetTemplates

_PRINTED = 20


def identities(
    name: str,
    other: str,
    *,
    threshold: float,
    by: str,
    one_name: bool,
    calibrate: bool,
    forget: bool,
    as_json: bool,
) -> None:
    """List pairs of pictures that may show the same person, the closest first. Nothing is merged or deleted."""
    chosen = {"--by": bool(by), "--one-name": one_name, "--calibrate": calibrate, "--forget": forget}
    _check_together([option for option, given in chosen.items() if given], other)
    store = open_store()
    record = dataset(store, name)
    if forget:
        from bqat_pipeline.datasets.identity_files import IdentityFiles

        there = IdentityFiles.of(store, record.key).forget()
        err.print(f"the templates of {record.key} were deleted" if there else f"{record.key} has no templates")
        return
    profiles = store.profiles(record.key)
    if profiles is None:
        raise CliError(f"{record.key} has no finished scan yet")
    asked = _Asked(store, record, profiles, threshold or settings().identity_threshold, by)
    if calibrate:
        _print_calibration(asked.calibration(), as_json)
        return
    if other:
        beside = dataset(store, other)
        if beside.key == record.key:
            raise CliError(f"{name} and {other} are one data set; leave the second out for the pairs within it")
        pairs = asked.between(beside)
    else:
        pairs = asked.decided(asked.of_one_name() if one_name else asked.pairs())
    if as_json:
        print_json([pair.as_row() for pair in pairs])
        return
    _print(pairs)


def persons_summary(store: "DatasetStore", record: "DatasetRecord") -> dict[str, Any] | None:
    """Pairs of other files, their pictures and groups counted; None when not known, or switched off."""
    if not settings().identity:
        return None
    try:
        generation = store.current(record.key)
        found = generation.summary("identities") if generation else {}
    except DamagedDatasetError:  # the next scan makes it again
        return None
    if not generation or not found:
        return None
    return {
        "dataset": record.key,
        "compared": found["templates"],
        "pairs": found["pairs_of_other_files"],
        "pictures": found["pictures_in_pairs"],
        "groups": found["groups"],
        "note": found.get("note"),
        "problem": identities_problem(generation) or None,
    }


def persons_lines(summary: dict[str, Any] | None) -> list[str]:
    """The same for a terminal; nothing where it is not known."""
    if not summary:
        return []
    pairs, compared = summary["pairs"], summary["compared"]
    before = " (found by an earlier scan of these pictures)" if summary["problem"] else ""
    if compared < 2:
        return [f"persons    not looked for: there is no template of two pictures{before}"]
    if not pairs:
        return [f"persons    no two different files of {compared:,} compared may show one person{before}"]
    counted = f"{pairs:,} {'pair' if pairs == 1 else 'pairs'} among {compared:,} compared pictures"
    if summary["note"]:
        counted = f"more than {counted}"
    lines = [f"persons    {counted} may show one person{before}; `bqat identities {summary['dataset']}` lists them"]
    return lines + ([f"           {summary['note']}"] if summary["note"] else [])


def _check_together(given: list[str], other: str) -> None:
    """Refuse options of which one would be passed over in silence, before anything is deleted.

    Raises
    ------
    CliError : when they do not go together, or names are needed and --by is missing.
    """
    if given and other:
        raise CliError(f"{given[0]} is about one data set; leave out {other}")
    if "--forget" in given and len(given) > 1:
        raise CliError(f"--forget deletes templates and answers nothing; leave out {given[0]}")
    if "--one-name" in given and "--calibrate" in given:
        raise CliError("--one-name lists pairs, --calibrate prints error rates; ask for one of them")
    if ("--one-name" in given or "--calibrate" in given) and "--by" not in given:
        raise CliError("say who pictures are said to show: --by COLUMN, or --by folder")


class _Asked:
    """A question to the templates or pairs of a data set."""

    def __init__(
        self, store: "DatasetStore", record: "DatasetRecord", profiles: "ds.Dataset", threshold: float, by: str
    ) -> None:
        self._store, self._record, self._profiles = store, record, profiles
        self._threshold, self._by = threshold, by

    def pairs(self) -> "list[Pair]":
        """Pairs below the threshold; those that the scan has found, where they suffice."""
        from bqat_pipeline.identity.questions import pairs_of_templates, stored_pairs

        generation = self._store.current(self._record.key)
        table = None if generation is None else generation.found("identities")
        known = generation.summary("identities").get("options", {}) if generation else {}
        if generation is not None and (problem := identities_problem(generation)):
            err.print(f"the last scan could not look for the same person: {printable(problem)}", style="yellow")
        if table is not None and self._threshold <= known.get("threshold", 0):
            if note := (generation.summary("identities").get("note") if generation else None):
                err.print(note)
            return stored_pairs(table, self._threshold, self._names() if self._by else None)
        names = self._names() if self._by else None
        return pairs_of_templates(self._templates(self._record), self._profiles, self._threshold, names, _workers())

    def decided(self, pairs: "list[Pair]") -> "list[Pair]":
        """The pairs with what people decided about them."""
        from bqat_pipeline.identity.questions import with_decisions
        from bqat_pipeline.review.pair_decisions import all_answers, pair_log

        decided = all_answers(pair_log(self._store, self._record.key).current())
        return with_decisions(pairs, self._profiles, decided)

    def of_one_name(self) -> "list[Pair]":
        """Pairs of one name that are too far apart."""
        from bqat_pipeline.identity.questions import different_persons

        return different_persons(self._templates(self._record), self._profiles, self._names())

    def between(self, other: "DatasetRecord") -> "list[Pair]":
        """Pairs with the pictures of another data set."""
        from bqat_pipeline.identity.questions import pairs_between

        profiles = self._store.profiles(other.key)
        if profiles is None:
            raise CliError(f"{other.key} has no finished scan yet")
        mine, theirs = self._templates(self._record), self._templates(other)
        return pairs_between(mine, self._profiles, theirs, profiles, self._threshold, _workers())

    def calibration(self) -> "Calibration":
        """Error rates by the names."""
        from bqat_pipeline.identity.calibration import calibrate

        return calibrate(self._templates(self._record), self._names())

    def _names(self) -> "Names":
        from bqat_pipeline.identity.names import names_of

        return names_of(self._record, self._profiles, self._by)

    def _templates(self, record: "DatasetRecord") -> "DatasetTemplates":
        from bqat_pipeline.identity.searching import stored_templates

        return stored_templates(self._store, record.key, settings().identity_retention)


def _workers() -> int:
    from bqat_pipeline.execution.executors import available_cores

    return settings().workers or available_cores()


def _print(pairs: "list[Pair]") -> None:
    for pair in pairs[:_PRINTED]:
        names = f"  ({printable(pair.name_a)}, {printable(pair.name_b)})" if pair.name_a or pair.name_b else ""
        decided = f"  {pair.decision}" if pair.decision else ""
        out.print(f"{pair.distance:.3f}  {printable(pair.a)}  {printable(pair.b)}{names}{decided}")
    if not pairs:
        out.print("no pair of pictures answers to this")
    if len(pairs) > _PRINTED:
        err.print(f"{len(pairs) - _PRINTED:,} more; --json prints all", style="dim")


def _print_calibration(found: "Calibration", as_json: bool) -> None:
    if as_json:
        print_json(asdict(found))
        return
    out.print(
        f"{found.pictures:,} pictures of {found.persons:,} persons: {found.genuine:,} pairs of one person, "
        f"{found.impostor:,} of two"
    )
    for point in found.points:
        out.print(
            f"FMR {100 * point.fmr:g} %: threshold {point.threshold:.3f} ({point.threshold_low:.3f} to "
            f"{point.threshold_high:.3f}), FNMR {100 * point.fnmr:.2f} % ({100 * point.fnmr_low:.2f} to "
            f"{100 * point.fnmr_high:.2f} %)"
        )
