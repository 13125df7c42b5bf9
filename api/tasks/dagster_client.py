"""Dagster over GraphQL: launch, find and end runs, add partitions. The facade's only way to the orchestrator."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from api.tasks import graphql
from bqat_pipeline.names import OWN_ERROR, PARTITION_TAG, PARTITIONS

# Seconds that a launch waits: a killed code server is back after 4-5 s on an idle machine (measured).
LAUNCH_PATIENCE = 30.0
# Seconds that a request to end a run waits for its start: a second or two on an idle machine (measured).
TERMINATION_PATIENCE = 30.0
_TERMINATION_POLL = 0.2
# Dagster cancels runs that are QUEUED or STARTED; one that it could not cancel may be on its way to the next of these.
_UNFINISHED = frozenset({"QUEUED", "NOT_STARTED", "MANAGED", "STARTING", "STARTED"})
# Runs of one page of `runsOrError`; a larger answer holds up the webserver's other callers.
PAGE = 500


# Dagster's message about partitions while it loads the code location of a code server that has come back.
_NOT_LOADED = "does not contain a dynamic partitions definition"


class DagsterUnavailableError(Exception):
    """Dagster's webserver or code location cannot be reached."""


class DagsterRefusedError(Exception):
    """Dagster answered, and refused the request."""


@dataclass(frozen=True, slots=True)
class Run:
    """One Dagster run.

    Attributes
    ----------
    created, started, ended : Seconds since 1970, UTC; the last two are None before they happen.
    """

    id: str
    status: str
    job: str
    root: str
    created: float
    started: float | None
    ended: float | None
    tags: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> "Run":
        return cls(
            id=raw["runId"],
            status=raw["status"],
            job=raw["jobName"],
            root=raw["rootRunId"] or raw["runId"],
            created=raw["creationTime"],
            started=raw["startTime"],
            ended=raw["endTime"],
            tags={tag["key"]: tag["value"] for tag in raw["tags"]},
        )


class DagsterClient:
    """GraphQL calls to one Dagster webserver.

    Parameters
    ----------
    url : Address of the webserver, without ``/graphql``.
    key : Key of the webserver; empty when it asks for none.
    partition_set : Name of the dynamic partitions of data sets.
    """

    def __init__(self, url: str, key: str = "", partition_set: str = PARTITIONS) -> None:
        self._http = httpx.AsyncClient(
            base_url=url.rstrip("/"),
            headers={"X-API-Key": key} if key else {},
            timeout=httpx.Timeout(20.0, connect=2.0),
            limits=httpx.Limits(max_connections=16, max_keepalive_connections=8),
            trust_env=False,
            verify=url.startswith("https:"),  # the certificates take 3 MB: they are read where there is TLS only
        )
        self._partition_set = partition_set
        self._repositories: dict[str, dict[str, str]] = {}

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    # runs

    async def launch(
        self, job: str, tags: Mapping[str, str], config: Mapping[str, Any] | None = None, partition: str | None = None
    ) -> str:
        """Launch a run and return its id; waits up to `LAUNCH_PATIENCE` for a code server that restarts.

        Raises
        ------
        DagsterUnavailableError : when Dagster could not be reached in that time.
        DagsterRefusedError : when the run cannot be made (unknown job, wrong configuration).
        """
        all_tags = dict(tags)
        if partition is not None:
            all_tags[PARTITION_TAG] = partition

        async def attempt() -> str:
            repository = await self._repository(job)
            params = {
                "selector": {**repository, "jobName": job},
                "runConfigData": json.dumps(dict(config or {})),
                "executionMetadata": {"tags": [{"key": k, "value": v} for k, v in all_tags.items()]},
            }
            answer = (await self._post(graphql.LAUNCH, {"params": params}))["launchRun"]
            if answer["__typename"] == "LaunchRunSuccess":
                return answer["run"]["runId"]
            raise self._error(answer)

        return await self._with_retries(attempt)

    async def runs(
        self,
        *,
        tags: Mapping[str, str] | None = None,
        job: str | None = None,
        statuses: Sequence[str] | None = None,
        ids: Sequence[str] | None = None,
        limit: int = PAGE,
    ) -> list[Run]:
        """Runs that match every condition, newest first, at most `limit`."""
        conditions: dict[str, Any] = {}
        if tags:
            conditions["tags"] = [{"key": k, "value": v} for k, v in tags.items()]
        if job is not None:
            conditions["pipelineName"] = job
        if statuses is not None:
            conditions["statuses"] = list(statuses)
        if ids is not None:
            conditions["runIds"] = list(ids)
        found: list[Run] = []
        cursor: str | None = None
        while len(found) < limit:
            size = min(PAGE, limit - len(found))
            variables = {"filter": conditions, "cursor": cursor, "limit": size}
            answer = (await self._post(graphql.RUNS, variables))["runsOrError"]
            if answer["__typename"] != "Runs":
                raise self._error(answer)
            page = [Run.parse(raw) for raw in answer["results"]]
            found.extend(page)
            if len(page) < size:
                break
            cursor = page[-1].id
        return found

    async def terminate(self, run_id: str) -> bool:
        """Ask a run to end; False when it had ended already or does not exist.

        Dagster ends runs that wait in the queue and runs that have started. A run that is being started is waited for:
        Dagster would ignore the request, and the run would go on.

        Raises
        ------
        DagsterUnavailableError : when the run has still not started after `TERMINATION_PATIENCE`.
        """
        deadline = asyncio.get_running_loop().time() + TERMINATION_PATIENCE
        asked = False
        while True:
            answer = (await self._post(graphql.TERMINATE, {"runId": run_id}))["terminateRun"]
            match answer["__typename"]:
                case "TerminateRunSuccess":
                    return True
                case "RunNotFoundError":
                    return False
                case "TerminateRunFailure":
                    status = answer["run"]["status"]
                case _:
                    raise self._error(answer)
            if status == "CANCELING":
                return True
            if status not in _UNFINISHED:
                return asked and status == "CANCELED"  # by what was asked for while it was being started
            asked = True
            if asyncio.get_running_loop().time() > deadline:
                raise DagsterUnavailableError(f"run {run_id} is still being started and cannot be ended yet")
            await asyncio.sleep(_TERMINATION_POLL)

    async def failure(self, run_id: str) -> list[str]:
        """Why a run failed: our outermost sentence of each failed step, else its innermost message; else the run's."""
        steps: list[str] = []
        whole: list[str] = []
        cursor: str | None = None
        for _ in range(20):
            answer = (await self._post(graphql.FAILURE, {"runId": run_id, "after": cursor}))["logsForRun"]
            if answer["__typename"] != "EventConnection":
                break
            for event in answer["events"]:
                if event["__typename"] == "ExecutionStepFailureEvent" and event["error"]:
                    links = [event["error"], *(link["error"] for link in event["error"].get("errorChain") or ())]
                    messages = [link["message"] for link in links]
                    steps.append(_clean(next(filter(OWN_ERROR.match, messages), messages[-1])))
                elif event["__typename"] == "RunFailureEvent":
                    error = event.get("error")
                    whole.append(_clean(error["message"] if error else event["message"]))
            if not answer["hasMore"]:
                break
            cursor = answer["cursor"]
        return [text for text in (steps or whole) if text]

    # partitions

    async def add_partition(self, job: str, key: str) -> None:
        """Add the partition of a data set; no effect when it exists."""

        async def attempt() -> None:
            variables = {"repository": await self._repository(job), "set": self._partition_set, "key": key}
            answer = (await self._post(graphql.ADD_PARTITION, variables))["addDynamicPartition"]
            if answer["__typename"] not in {"AddDynamicPartitionSuccess", "DuplicateDynamicPartitionError"}:
                raise self._error(answer)

        await self._with_retries(attempt)

    async def delete_partition(self, job: str, key: str) -> None:
        """Delete the partition of a data set; no effect when there is none."""
        variables = {"repository": await self._repository(job), "set": self._partition_set, "keys": [key]}
        answer = (await self._post(graphql.DELETE_PARTITIONS, variables))["deleteDynamicPartitions"]
        if answer["__typename"] != "DeleteDynamicPartitionsSuccess":
            raise self._error(answer)

    # health

    async def daemons(self) -> dict[str, bool]:
        """Health of the daemons that Dagster needs, by type."""
        answer = await self._post(graphql.DAEMONS, {})
        statuses = answer["instance"]["daemonHealth"]["allDaemonStatuses"]
        return {s["daemonType"]: bool(s["healthy"]) for s in statuses if s["required"]}

    async def has_job(self, job: str) -> bool:
        """Whether a code location with this job is loaded."""
        try:
            await self._repository(job)
        except (DagsterUnavailableError, DagsterRefusedError):
            return False
        return True

    # requests

    async def _repository(self, job: str) -> dict[str, str]:
        """Selector of the repository that holds a job; remembered."""
        if job not in self._repositories:
            answer = (await self._post(graphql.REPOSITORIES, {}))["repositoriesOrError"]
            if answer["__typename"] != "RepositoryConnection":
                raise self._error(answer)
            self._repositories = {
                entry["name"]: {"repositoryName": node["name"], "repositoryLocationName": node["location"]["name"]}
                for node in answer["nodes"]
                for entry in node["jobs"]
            }
        if job not in self._repositories:
            raise DagsterUnavailableError(f"Dagster has no job `{job}` loaded; is the code location up?")
        return self._repositories[job]

    async def _post(self, query: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        try:
            response = await self._http.post("/graphql", json={"query": query, "variables": variables})
            body = response.json() if response.status_code == httpx.codes.OK else None
        except (httpx.HTTPError, ValueError) as error:
            raise DagsterUnavailableError(f"Dagster does not answer: {type(error).__name__}") from error
        if body is None:
            why = " (its key: BQAT_DAGSTER_KEY)" if response.status_code == httpx.codes.UNAUTHORIZED else ""
            raise DagsterUnavailableError(f"Dagster answered {response.status_code}{why}")
        if body.get("errors"):
            raise DagsterRefusedError("; ".join(e.get("message", "") for e in body["errors"]))
        return body["data"]

    async def _with_retries(self, attempt: Any) -> Any:
        """Result of an attempt, repeated with growing pauses while Dagster is out of reach."""
        loop = asyncio.get_running_loop()
        deadline, pause = loop.time() + LAUNCH_PATIENCE, 0.1
        while True:
            try:
                return await attempt()
            except DagsterUnavailableError:
                self._repositories.clear()
                if loop.time() + pause > deadline:
                    raise
            await asyncio.sleep(pause)
            pause = min(2 * pause, 1.0)

    @staticmethod
    def _error(answer: Mapping[str, Any]) -> Exception:
        """The exception for an answer: a PythonError comes from a code server that restarts, worth another attempt."""
        messages = [e["message"] for e in answer.get("errors", ())] or [answer.get("message", answer["__typename"])]
        text = "; ".join(_clean(message) for message in messages)
        if answer["__typename"] in {"PythonError", "PipelineNotFoundError"} or _NOT_LOADED in text:
            return DagsterUnavailableError(text)
        return DagsterRefusedError(text)


def _clean(message: str) -> str:
    """Message without Dagster's leading exception class path and its trailing newline."""
    first, _, rest = message.strip().partition(": ")
    return rest.strip() if rest and " " not in first and first.rsplit(".", 1)[-1].endswith("Error") else message.strip()
