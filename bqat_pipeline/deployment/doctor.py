"""Checks of what a deployment needs: models, folders, database, ports, engines."""

import importlib.metadata
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from bqat_pipeline import __version__
from bqat_pipeline.datasets import DatasetStore, Location
from bqat_pipeline.datasets.survey import survey
from bqat_pipeline.deployment.instance import InstanceError
from bqat_pipeline.settings import settings

Level = Literal["ok", "note", "wrong"]

_PACKAGES = ("dagster", "numpy", "opencv-python-headless", "ai-edge-litert", "pyarrow", "duckdb", "ydata-profiling")
_LOW_DISK_BYTES = 2_000_000_000


@dataclass(frozen=True)
class Finding:
    """One examined subject: ``wrong`` means that something will not work, ``note`` that something is limited."""

    subject: str
    level: Level
    text: str


def examine() -> Iterator[Finding]:
    """Run all checks, the quick ones first; a check that fails with an error is a finding too."""
    checks: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
        ("versions", _versions),
        ("identities", _identities),
        ("requirements", _requirements),
        ("storage", _storage),
        ("data sets", _datasets),
        ("data root", _data_root),
        ("ports", _ports),
        ("engines", _engines),
        ("models", _models),  # loads them: half a second
        ("instance", _instance),  # loads Dagster: a second or two
        ("Dask", _dask),
    )
    for subject, check in checks:
        try:
            yield from check()
        except InstanceError as error:
            yield Finding(subject, "wrong", str(error))
        except Exception as error:  # noqa: BLE001 - the point is to report whatever breaks
            yield Finding(subject, "wrong", f"{type(error).__name__}: {error}")


def _versions() -> Iterator[Finding]:
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES)
    yield Finding("versions", "ok", f"bqat-pipeline {__version__}, Python {sys.version.split()[0]}, {versions}")


def _models() -> Iterator[Finding]:
    from bqat_pipeline.face import FaceEngine

    engine = FaceEngine()
    engine.analyse_batch([])  # loads the models
    yield Finding("models", "ok", f"all model files have their checksums; engine {engine.fingerprint[:12]}")


def _identities() -> Iterator[Finding]:
    if not settings().identity:
        return
    from bqat_pipeline.identity.errors import IdentityError
    from bqat_pipeline.identity.network import check_model

    try:
        check_model(settings().identity_model)
    except IdentityError as error:
        yield Finding("identities", "wrong", f"no scan will look for the same person: {error}")
    else:
        yield Finding("identities", "ok", "the model file has its checksum")


def _requirements() -> Iterator[Finding]:
    from bqat_pipeline.requirements import load_rule_set

    rules = load_rule_set(settings().requirements)
    yield Finding("requirements", "ok", f"rule set {rules.name}, digest {rules.digest[:12]}")


def _storage() -> Iterator[Finding]:
    home = Location.parse(settings().home)
    DatasetStore(home).prepare()
    probe = home / ".doctor"
    probe.write_bytes(b"ok")
    probe.delete()
    if home.is_local:
        free = shutil.disk_usage(home.local).free
        level: Level = "ok" if free > _LOW_DISK_BYTES else "note"
        yield Finding("storage", level, f"{home} is writable, {free / 1e9:.0f} GB free")
        if home.local.stat().st_mode & 0o077:
            yield Finding("storage", "note", f"other users of this machine can read {home}: chmod 700 {home}")
    else:
        yield Finding("storage", "ok", f"{home} is writable")


def _datasets() -> Iterator[Finding]:
    store = DatasetStore(Location.parse(settings().home))
    readable = 0
    for found in survey(store):
        if found.problem:
            yield Finding("data sets", "wrong", f"{found.key}: {found.problem}")
        else:
            readable += 1
    yield Finding("data sets", "ok", f"{readable} whose files can be read")


def _data_root() -> Iterator[Finding]:
    root = Location.parse(settings().data)
    if root.is_dir():
        yield Finding("data root", "ok", str(root))
    else:
        yield Finding("data root", "note", f"{root} does not exist yet; clients can name no folder")


def _instance() -> Iterator[Finding]:
    from bqat_pipeline.deployment.instance import damage_sentence, damaged_databases, open_instance

    state = settings().state.absolute()
    if damaged := damaged_databases(state):
        raise InstanceError(damage_sentence(state, damaged))
    instance = open_instance()
    try:
        storage: Any = instance.run_storage
        with storage.connect() as connection:
            database = connection.dialect.name
        yield Finding("instance", "ok", f"database {database}, {instance.get_runs_count()} runs")
    finally:
        instance.dispose()


def _ports() -> Iterator[Finding]:
    from bqat_pipeline.web.addresses import why_not_listen

    config = settings()
    for name, host, port in (
        ("REST facade", config.host, config.port),
        ("Dagster UI", config.dagster_host, config.dagster_port),
    ):
        if why := why_not_listen(host, port):
            yield Finding("ports", "note", f"{port} of {host} ({name}): {why}; `bqat up` may be running")
        else:
            yield Finding("ports", "ok", f"{port} of {host} ({name}) is free")


def _engines() -> Iterator[Finding]:
    from bqat_pipeline.columns.external import EXTERNAL
    from bqat_pipeline.engines import EngineSpec, missing_engine

    for name in EXTERNAL:
        missing = missing_engine(EngineSpec(name))
        yield Finding("engines", "note" if missing else "ok", f"{name}: {missing or 'available'}")


def _dask() -> Iterator[Finding]:
    config = settings()
    if not config.dask_scheduler:
        return
    from bqat_pipeline.execution.dask_check import ask_workers
    from bqat_pipeline.execution.errors import ClusterError

    here = config.model_copy(
        update={"home": _absolute(config.home), "data": _absolute(config.data)}  # workers have another working folder
    )
    try:
        reports = ask_workers(here)
    except ClusterError as error:
        yield Finding("Dask", "wrong", str(error))
        return
    if not reports:
        yield Finding("Dask", "wrong", f"the scheduler at {config.dask_scheduler} has no workers")
    for report in reports:
        processes = "1 process" if report.threads == 1 else f"{report.threads} processes"
        for problem in report.problems:
            yield Finding("Dask", "wrong", f"worker {report.address} {problem}")
        if not report.problems:
            yield Finding("Dask", "ok", f"worker {report.address}, {processes}, sees data root and results")


def _absolute(uri: str) -> str:
    return uri if "://" in uri else str(Location.parse(uri))
