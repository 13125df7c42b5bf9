"""Whether the parts of Dagster that a scan needs are up; Dagster is asked at most every two seconds."""

import asyncio
from dataclasses import dataclass

from api.tasks.dagster_client import DagsterClient, DagsterRefusedError, DagsterUnavailableError
from bqat_pipeline.names import SCAN

# Seconds for which an answer is reused, and for which an outage may last before it is reported: a code server that was
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
        self._last_alive = float("-inf")
        self._lock = asyncio.Lock()

    async def parts(self) -> Parts:
        """State of each part, at most two seconds old."""
        loop = asyncio.get_running_loop()
        async with self._lock:
            if loop.time() - self._asked > FRESH:
                self._parts = await self._ask_dagster()
                self._asked = loop.time()
                if self._parts.all:
                    self._last_alive = self._asked
        return self._parts

    async def is_alive(self) -> bool:
        """Whether every part is up, or was less than `PATIENCE` seconds ago."""
        parts = await self.parts()
        return parts.all or asyncio.get_running_loop().time() - self._last_alive < PATIENCE

    async def _ask_dagster(self) -> Parts:
        try:
            daemons = await self._dagster.daemons()
        except (DagsterUnavailableError, DagsterRefusedError):
            return Parts(False, False, False)
        return Parts(True, await self._dagster.has_job(SCAN), bool(daemons) and all(daemons.values()))
