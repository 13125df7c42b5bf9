"""The REST facade as a process: ``python -m api``, as `bqat up` and the compose file start it."""

import argparse

from api.http.light_imports import import_libraries
from api.http.memory import return_freed_memory
from bqat_pipeline.settings import settings


def main(arguments: list[str] | None = None) -> None:
    """Serve the facade until a signal ends it."""
    config = settings()
    parser = argparse.ArgumentParser(prog="python -m api", description=__doc__)
    parser.add_argument("--host", default=config.host)
    parser.add_argument("--port", type=int, default=config.port)
    parser.add_argument("--log-level", choices=("critical", "error", "warning", "info", "debug"), default="info")
    chosen = parser.parse_args(arguments)

    return_freed_memory()
    import_libraries()
    from api.app import app
    from api.http.logs import set_level
    from bqat_pipeline.web.server import serve

    set_level(chosen.log_level)
    serve(app, chosen.host, chosen.port, config, log_level=chosen.log_level, ws="none")


if __name__ == "__main__":
    main()
