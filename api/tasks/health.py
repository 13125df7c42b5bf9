"""Whether the parts that a scan needs are up, asked for at most every two seconds."""

import asyncio
from dataclasses import dataclass

from api.tasks.dagster_client import DagsterClient, DagsterRefusedError, DagsterUnavailableError
from bqat_pipeline.names import SCAN

# How long an answer is believed, and how long an outage may last before it is told, seconds: a code server that was
# killed is back after about 5 s, and BQAT-GUI stops a scan at the first answer that is not ALIVE.
FRESH = 2.0
PATIENCE = 15.0


@dataclass(frozen=True, slots=True)
class Parts:
    """State of each part: Dagster's webserver, its code location, its daemons."""

    webserver: bool
    code_location: bool
    daemons: bool

    @property
    def all(self) -> bool:
        return self.webserver and self.code_location and self.daemons


class Health:
    """Health of Dagster as seen from here."""

    def __init__(self, dagster: DagsterClient) -> None:
        self._dagster = dagster
        self._parts = Parts(False, False, False)
        self._asked = float("-inf")
        self._well = float("-inf")
        self._lock = asyncio.Lock()

    async def parts(self) -> Parts:
        """State of each part, at most two seconds old."""
        loop = asyncio.get_running_loop()
        async with self._lock:
            if loop.time() - self._asked > FRESH:
                self._parts = await self._ask_dagster()
                self._asked = loop.time()
                if self._parts.all:
                    self._well = self._asked
        return self._parts

    async def is_alive(self) -> bool:
        """Whether tasks are worked on, or were some seconds ago."""
        parts = await self.parts()
        return parts.all or asyncio.get_running_loop().time() - self._well < PATIENCE

    async def _ask_dagster(self) -> Parts:
        try:
            daemons = await self._dagster.daemons()
        except (DagsterUnavailableError, DagsterRefusedError):
            return Parts(False, False, False)
        return Parts(True, await self._dagster.has_job(SCAN), bool(daemons) and all(daemons.values()))
