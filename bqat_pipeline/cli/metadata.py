"""Checks of the metadata table of ``report`` and ``scan``, before its path is stored with the data set."""

from pathlib import Path

from bqat_pipeline.cli.console import CliError, err
from bqat_pipeline.datasets import DatasetRecord, DatasetStore


def joined_table(store: DatasetStore, record: DatasetRecord, place: Path) -> Path:
    """The full path of a metadata table that names at least one picture of the data set; prints how many it names.

    Raises
    ------
    CliError, MetadataError : when it cannot be used.
    """
    from bqat_pipeline.report import join_coverage

    coverage = join_coverage(store, record, readable_table(place))
    if not coverage.matched:
        raise CliError(f"{coverage.sentence}. Its first column, or one called file, must name pictures")
    err.print(coverage.sentence)
    return place.absolute()


def readable_table(place: Path) -> Path:
    """The full path of a metadata table that can be read, whatever pictures it names.

    Raises
    ------
    CliError, MetadataError : when it cannot.
    """
    from bqat_pipeline.report import check_metadata

    if not place.is_file():
        raise CliError(f"there is no file {place}")
    check_metadata(place.absolute())
    return place.absolute()
