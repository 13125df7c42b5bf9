"""One scan at a time in a data-set folder."""

import fcntl
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bqat_pipeline.datasets import Location

logger = logging.getLogger(__name__)

_POLL_SECONDS = 0.2


@contextmanager
def dataset_lock(place: Location) -> Iterator[None]:
    """Hold the lock file of a data set for scanning; wait while another process does.

    The kernel frees the lock when its holder ends, however it ends. On S3 there is no such lock: two scans of one data
    set then do the same work twice, and put the same files in place.
    """
    if not place.is_local:
        yield
        return
    place.parent.create_dir()
    with place.local.open("w") as handle:
        _acquire(handle.fileno(), place.parent)
        yield


def _acquire(descriptor: int, folder: Location) -> None:
    announced = False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if not announced:
                logger.info("another scan of %s is running; waiting for it", folder.name)
                announced = True
            time.sleep(_POLL_SECONDS)  # a blocking flock could not be interrupted by a cancelled run
