"""Processes that open a Dagster instance at the same time, forked from one that has imported Dagster.

The import takes longer than the opening. Each line of standard input is a list of [environment, data sets to add], for
each of which a process is forked. The answer is a line with [exit status, data sets of the instance] of each.
"""

import json
import os
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

import dagster._core.storage.base_storage  # noqa: F401 - dagster imports it when it opens an instance

import bqat_pipeline.deployment.instance_home  # noqa: F401
from bqat_pipeline.deployment.instance import open_instance


def main() -> None:
    for line in sys.stdin:
        with tempfile.TemporaryDirectory() as folder:
            places = [Path(folder) / str(number) for number, _ in enumerate(json.loads(line))]
            jobs = zip(json.loads(line), places, strict=True)
            children = [_fork(environment, add, place) for (environment, add), place in jobs]
            ended = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
            found = [json.loads(place.read_text()) if place.exists() else None for place in places]
        print(json.dumps(list(zip(ended, found, strict=True))), flush=True)


def _fork(environment: dict[str, str], add: list[str], place: Path) -> int:
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        os.environ.clear()
        os.environ.update(environment)
        place.write_text(json.dumps(_open(add)))
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def _open(add: list[str]) -> Any:
    instance = open_instance()
    if add:
        instance.add_dynamic_partitions("datasets", add)
    found = sorted(instance.get_dynamic_partitions("datasets"))
    instance.dispose()
    return found


if __name__ == "__main__":
    main()
