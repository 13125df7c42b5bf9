"""The REST facade: `uvicorn api.app:app`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from api.bqat import files, inputs, outliers, preprocessing, profiles, reports, scans, server, stateless, tasks
from api.http import docs_page, errors, logs, ui
from api.http.access import FacadeAccess
from api.http.metrics import Metrics
from api.http.middleware import RequestMiddleware
from api.services import Services
from api.sources import UPLOADED
from api.tasks.housekeeping import run_housekeeping
from api.v1 import (
    about,
    assess,
    comparison,
    datasets,
    decisions,
    exports,
    findings,
    folders,
    identities,
    marks,
    review,
    review_list,
    runs,
)
from api.v1 import profiles as v1_profiles
from bqat_pipeline.allocator import return_free_pages
from bqat_pipeline.settings import Settings, settings
from bqat_pipeline.web.access import listed

_DESCRIPTION = """
Face image quality over REST. Two surfaces on one server:

* the **BQAT API** (`/scan`, `/task`, `/info`, ...), as BQAT-GUI and existing scripts know it, for the face modality;
* **`/v1`**: data sets, profiles with cursor paging and filters, scorecards, outliers with reasons, duplicates, exports.

Every task is a Dagster run; the Dagster UI shows the same work.
"""

# Links that `/` answers to programs; browsers get the review page.
_LINKS = {
    "datasets": "/v1/datasets",
    "runs": "/v1/runs",
    "columns": "/v1/columns",
    "requirements": "/v1/requirements",
    "specification": "/openapi.json",
    "documentation": "/docs",
    "info": "/info",
    "health": "/readyz",
}


def create_app(config: Settings | None = None) -> FastAPI:
    """The application for the given settings (default: those of the environment)."""
    config = config or settings()
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.services = Services.open(config, metrics)
        app.state.metrics = metrics
        logs.configure(config.log_format)
        await asyncio.to_thread(_prepare_folders, app.state.services)
        app.state.services.assessor.warm_up()
        return_free_pages()  # of imports: 10 MB where Python compiles its modules first
        housekeeping = asyncio.create_task(run_housekeeping(app.state.services))
        try:
            yield
        finally:
            housekeeping.cancel()
            await asyncio.to_thread(app.state.services.assessor.close)
            await asyncio.to_thread(app.state.services.thumbnails.close)
            await app.state.services.dagster.close()

    app = FastAPI(
        title="bqat-pipeline",
        description=_DESCRIPTION,
        version=server.server_version(),
        lifespan=lifespan,
        redirect_slashes=False,
        docs_url=None,  # `docs_page` serves both without a CDN
        redoc_url=None,
    )
    errors.install(app)
    for router in (
        server.router,
        scans.router,
        outliers.router,
        preprocessing.router,
        profiles.router,
        inputs.router,
        tasks.router,
        files.router,
        reports.router,
        stateless.router,
        about.router,
        assess.router,
        datasets.router,
        datasets.sample_router,
        folders.router,
        comparison.router,
        v1_profiles.router,
        marks.router,
        findings.router,
        identities.router,
        identities.pictures,
        review.router,
        exports.router,
        decisions.router,
        review_list.router,
        runs.router,
        findings.linked,
    ):
        app.include_router(router)
    docs_page.install(app)
    ui.install(
        app,
        config.root_path,
        _LINKS,
        {"version": server.server_version(), "dagster": config.public_dagster_url or config.dagster_url},
    )
    access = app.state.access = FacadeAccess(config)
    app.add_middleware(
        RequestMiddleware,
        access=access,
        metrics=metrics,
        max_upload=int(config.max_upload),
        root_path=config.root_path,
    )
    app.add_middleware(
        CORSMiddleware,
        allow_origins=listed(config.cors_origin),
        allow_credentials=True,
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=["ETag", "X-Request-ID", "Link"],
    )
    return app


def _prepare_folders(services: Services) -> None:
    (services.data / UPLOADED).create_dir()
    services.store.prepare()
    (Path(services.settings.state) / "uploads").mkdir(parents=True, exist_ok=True)
    services.thumbnails.prepare()


app = create_app()
