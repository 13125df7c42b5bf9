"""``--explore``: the exploratory page of a data set, drawn by a Dagster run in this process."""

from bqat_pipeline.cli.console import CliError, err
from bqat_pipeline.datasets import DatasetRecord, DatasetStore
from bqat_pipeline.datasets.report_folder import EXPLORATION
from bqat_pipeline.names import COLLECTION_TAG, EXPLORE


def draw_exploration(store: DatasetStore, record: DatasetRecord) -> str | None:
    """Draw the exploratory page unless it is current, and return its path; None without a measured face.

    Raises
    ------
    CliError : when it could not be drawn.
    """
    from bqat_pipeline.definitions import defs
    from bqat_pipeline.deployment.instance import open_instance
    from bqat_pipeline.deployment.launcher import process_tag
    from bqat_pipeline.orchestration.run_failures import sentence_of
    from bqat_pipeline.report import has_current_eda

    err.print("drawing the exploratory page; this takes about a minute, Ctrl-C leaves it out")
    instance = open_instance()
    result = defs.resolve_job_def(EXPLORE).execute_in_process(
        instance=instance,
        partition_key=record.key,
        tags={COLLECTION_TAG: str(record.id), **process_tag()},
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        raise_on_error=False,
    )
    if not result.success:
        failures = [e.step_failure_data for e in result.all_events if e.is_step_failure]
        reason = sentence_of(failures[0]) if failures else ""
        reason = reason or "the exploratory page was not drawn; the Dagster UI says why"
        raise CliError(f"{reason}\nthe scan and its report are there: `bqat show {record.key}`")
    return str(store.report(record.key) / EXPLORATION) if has_current_eda(store, record.key) else None
