"""The process that worker processes are forked from: one that has done their imports.

A process that was itself forked from such a one, as the run workers of the code server are, takes its workers from
there too. Python starts a new interpreter for each instead (``ForkServer.ensure_running`` looks for a server that this
very process has started), which takes longer than measuring a few pictures.
"""

import multiprocessing
import multiprocessing.forkserver
import os
import sys
from multiprocessing.context import BaseContext

# One thread per process, as there is one process per core. Arrow's own allocator reserves a gigabyte in advance.
WORKER_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}

_PRELOAD = "bqat_pipeline.execution.preload"
# Of CPython's ForkServer; where one is missing, a new interpreter is started as ever.
_ADDRESS, _ALIVE, _OWN_PROCESS = "_forkserver_address", "_forkserver_alive_fd", "_forkserver_pid"


def worker_context() -> BaseContext:
    """A context whose processes come from a forkserver with the imports of workers done."""
    for name, value in WORKER_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([_PRELOAD])
    if _came_from_a_prepared_one():
        _share()
    return context


def start_own() -> None:
    """Give up a forkserver that was shared and cannot be reached; the next process starts one of its own.

    The end of its pipe stays open: when only its address is gone, it goes on telling of the workers that it has forked.
    """
    server = _server()
    if vars(server).pop("ensure_running", None) is not None:
        setattr(server, _ALIVE, None)
        setattr(server, _ADDRESS, None)


def _came_from_a_prepared_one() -> bool:
    """Whether this process was forked by a forkserver that had done the imports of workers."""
    preload = sys.modules.get(_PRELOAD)
    server = _server()
    return (
        multiprocessing.forkserver.get_inherited_fds() is not None
        and preload is not None
        and os.getpid() != preload.IMPORTED_BY
        and getattr(server, _OWN_PROCESS, 0) is None
        and getattr(server, _ADDRESS, None) is not None
        and getattr(server, _ALIVE, None) is not None
    )


def _share() -> None:
    # It lives as long as this process does, which holds the end of the pipe that it waits for, also when the process
    # that started it is gone.
    vars(_server())["ensure_running"] = lambda: None


def _server() -> multiprocessing.forkserver.ForkServer:
    return multiprocessing.forkserver._forkserver  # type: ignore[attr-defined]
