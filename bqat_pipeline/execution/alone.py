"""One call in a worker process of its own, under the limits that a scan gives to a picture."""

from collections.abc import Callable
from typing import TypeVar

from bqat_pipeline.execution.executors import open_pool
from bqat_pipeline.execution.pool import time_limit
from bqat_pipeline.settings import Settings

T = TypeVar("T")


def run_alone(settings: Settings, function: Callable[..., T], *arguments: object) -> T:
    """Result of a picklable call about one picture; its exceptions come through.

    Raises
    ------
    WorkerDiedError : when the call ended its process, or took longer than ``BQAT_IMAGE_TIMEOUT``.
    """
    with open_pool(1, int(settings.worker_memory)) as compute:
        return compute.executor.submit(_limited, float(settings.image_timeout), function, arguments).result()


def _limited(seconds: float, function: Callable[..., T], arguments: tuple[object, ...]) -> T:
    with time_limit(seconds):
        return function(*arguments)
