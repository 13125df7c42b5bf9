"""Facts about the server: its columns, rule sets, health and metrics."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from api.scan_options import Fusion
from api.services import Services, ServicesDep
from api.tasks.dagster_client import DagsterRefusedError, DagsterUnavailableError
from api.tasks.task import Kind
from api.v1.common import problems
from bqat_pipeline.columns import DEFAULT_FUSION, EngineName, columns_for
from bqat_pipeline.datasets import UnknownDatasetError

router = APIRouter()


class ColumnView(BaseModel):
    """A column of a profile, as the registry describes it."""

    name: str
    type: str
    title: str
    description: str
    unit: str
    low: float | None
    high: float | None
    direction: str
    group: str
    clause: str
    method: str
    error: float
    evidence: str
    statistics: bool
    reason: str
    personal: bool


@router.get("/v1/columns", tags=["about"], responses=problems())
async def columns(
    engine: EngineName = "bqat",
    fusion: Annotated[
        Fusion, Query(description="Engines of `fusion`: sum of bqat 4, ofiq 2, biqt 1.")
    ] = DEFAULT_FUSION,
) -> list[ColumnView]:
    """Every column of a profile: unit, range, direction, clause of ISO/IEC 29794-5, and how it is measured."""
    return [
        ColumnView(**{name: getattr(column, name) for name in ColumnView.model_fields})
        for column in columns_for(engine, fusion)
    ]


@router.get("/v1/requirements", tags=["about"])
async def requirements(services: ServicesDep) -> list[dict[str, Any]]:
    """Shipped rule sets."""

    def read() -> list[dict[str, Any]]:
        from bqat_pipeline.requirements import list_rule_sets, load_rule_set

        default = services.settings.requirements
        return [
            {
                "name": rules.name,
                "title": rules.title,
                "description": rules.description.strip(),
                "requirements": len(rules.requirements),
                "default": rules.name == default,
            }
            for rules in map(load_rule_set, list_rule_sets())
        ]

    return await services.quick(read)


@router.get("/healthz", tags=["about"])
async def healthz() -> dict[str, str]:
    """Whether this process answers; says nothing about Dagster."""
    return {"status": "ok"}


@router.get("/readyz", tags=["about"], responses={503: {"description": "A part is missing"}})
async def readyz(services: ServicesDep) -> JSONResponse:
    """Whether a scan that is requested now would start: state of each part, 503 when one is not up."""
    parts = await services.health.parts()
    state = {
        "webserver": parts.webserver,
        "code_location": parts.code_location,
        "daemons": parts.daemons,
        "storage": await services.quick(_is_reachable, services),
    }
    return JSONResponse(state, 200 if all(state.values()) else 503)


def _is_reachable(services: Services) -> bool:
    try:
        services.store.prepare()
        return services.store.home.is_dir() or not services.store.home.is_local
    except OSError:
        return False


@router.get("/metrics", tags=["about"], response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(services: ServicesDep, request: Request) -> Response:
    """Counts and times of this process, and the state of tasks, for Prometheus."""
    lines = [request.app.state.metrics.text().decode().rstrip("\n")]
    parts = await services.health.parts()
    lines += _gauge(
        "bqat_dagster_up",
        "Whether a part of Dagster answers.",
        [({"part": name}, float(getattr(parts, name))) for name in ("webserver", "code_location", "daemons")],
    )
    lines += await _task_gauges(services)
    return Response("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4; charset=utf-8")


async def _task_gauges(services: Services) -> list[str]:
    try:
        live = await services.live()
    except (DagsterUnavailableError, DagsterRefusedError):
        return []
    states = [(kind, status) for kind in Kind for status in (0, 1)]
    lines = _gauge(
        "bqat_tasks",
        "Waiting and running tasks.",
        [
            (
                {"kind": kind.value, "state": "running" if status else "queued"},
                float(sum(task.kind is kind and task.status == status for task in live)),
            )
            for kind, status in states
        ],
    )

    def progress() -> list[tuple[str, Any]]:
        found = []
        for task in live:
            if task.kind is Kind.SCAN and task.partition:
                try:
                    entry = services.store.progress(task.partition)
                except UnknownDatasetError:
                    continue
                if entry is not None and entry.run_id in task.run_ids:
                    found.append((task.partition, entry))
        return found

    entries = await services.quick(progress)
    for name, text, read in (
        ("done", "Files of running scans that are done.", lambda p: p.done),
        ("total", "Files of running scans.", lambda p: p.total),
        ("failed", "Files of running scans that could not be measured.", lambda p: p.failed),
        ("per_second", "Speed of running scans.", lambda p: p.rate),
    ):
        values = [({"dataset": key}, float(read(entry))) for key, entry in entries]
        lines += _gauge(f"bqat_scan_files_{name}", text, values)
    return lines


def _gauge(name: str, text: str, values: list[tuple[dict[str, str], float]]) -> list[str]:
    """Lines of one gauge; label values are data set keys and fixed words, which need no escaping."""
    lines = [f"# HELP {name} {text}", f"# TYPE {name} gauge"]
    for labels, value in values:
        pairs = ",".join(f'{key}="{label}"' for key, label in labels.items())
        lines.append(f"{name}{{{pairs}}} {value:g}")
    return lines
