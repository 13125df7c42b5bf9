"""`/v1/datasets`: list, create, show, scan again, delete."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response, status
from pyarrow import fs
from pydantic import BaseModel, ConfigDict, Field

from api.http.errors import bad_request, invalid
from api.http.multipart import upload_body
from api.scan_options import DatasetName, ScanOptionsIn
from api.services import Services, ServicesDep
from api.sources import UPLOADED, file_source, folder_source, location_uri, path_of_uri
from api.tasks import launching
from api.tasks.deletion import delete_dataset
from api.tasks.task import Kind, Status
from api.v1.common import DEFAULT_LIMIT, Cursor, Dataset, Limit, decode_cursor, encode_cursor, problems
from api.v1.uploading import take_upload
from bqat_pipeline.datasets import DatasetRecord, Location, Manifest, Source
from bqat_pipeline.datasets.records import PassedOver
from bqat_pipeline.datasets.scan_warnings import scan_warnings
from bqat_pipeline.datasets.survey import Surveyed, survey, survey_one
from bqat_pipeline.datasets.uploads import NoRoomError
from bqat_pipeline.sample import write_sample

router = APIRouter(prefix="/v1/datasets", tags=["data sets"])
sample_router = APIRouter(tags=["data sets"])

# Name of the sample data set, and of its folder below the data root.
SAMPLE = "sample"

_EXAMPLE: dict[str, Any] = {
    "collection": "45a77c3a-6b82-4fc4-88c8-6ff9a4f31014",
    "key": "helen-45a77c3a",
    "name": "helen",
    "sources": ["data/helen"],
    "engine": "bqat",
    "options": {"engine": "bqat", "mode": "face", "confidence": 0.7, "cpu": 0.8},
    "requirements": "icao-tr-portrait",
    "created": "2026-02-10T05:14:59.561000Z",
    "scanned": "2026-02-10T05:15:14.911000Z",
    "generation": "9f1c2b7d0a",
    "rows": 10,
    "counts": {"ok": 9, "no_face": 1},
    "verdicts": {"pass": 6, "fail": 3},
    "seconds": 1.4,
    "passed_over": {"other_files": 2, "other_files_looked_at": 2},
    "warnings": [],
}


class DatasetView(BaseModel):
    """A data set and the result of its last scan; `scanned` is null before the first one has ended."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    collection: UUID
    key: str
    name: str
    sources: list[str]
    engine: str
    options: dict[str, Any]
    requirements: str
    created: str
    scanned: str | None
    generation: str | None
    rows: int
    counts: dict[str, int] = Field(description="Files by status.")
    verdicts: dict[str, int] = Field(description="Faces by verdict.")
    seconds: float
    passed_over: PassedOver = Field(description="Files that the last listing passed over, by reason.")
    warnings: list[str] = Field(description="Why the data set, or what was found in it, may be incomplete.")


class DatasetDetails(DatasetView):
    """A data set with its size on disk."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_EXAMPLE, "bytes": 81920}]})

    problem: str = Field("", description="What is damaged, and what to do; empty when nothing is.")
    bytes: int = Field(description="Size of all results on disk; the pictures are not counted.")


class DamagedDataset(BaseModel):
    """A data set with a damaged file, and what to do."""

    key: str
    problem: str


class DatasetPage(BaseModel):
    """Data sets by key."""

    items: list[DatasetView]
    next: str | None
    damaged: list[DamagedDataset] = Field(
        [], description="Damaged data sets within this page; those of which enough can be read are items too."
    )


class NewDataset(BaseModel):
    """What to scan: `input` or `uri` or `files`."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"input": "data/helen", "name": "helen", "requirements": "icao-tr-portrait"}]}
    )

    input: str | None = Field(None, max_length=4096, description="Folder below the data root, as `data/helen`.")
    uri: str | None = Field(
        None, max_length=4096, description="Absolute place below the data root, for example `s3://faces/helen`."
    )
    files: list[Annotated[str, Field(max_length=4096)]] | None = Field(None, max_length=100_000)
    name: DatasetName | None = None
    options: ScanOptionsIn = ScanOptionsIn()
    requirements: str | None = Field(None, max_length=200, description="Shipped rule set.")


class Launched(BaseModel):
    """The task that scans a data set."""

    task: str
    dataset: DatasetView
    notes: list[str] = Field([], description="Remarks on an archive, for example on names that were changed.")


def view(services: Services, record: DatasetRecord, manifest: Manifest | None) -> dict[str, Any]:
    """A data set as clients of `/v1` see it."""
    warnings = scan_warnings(services.store, record.key, manifest, identities=services.settings.identity)
    return {
        "collection": str(record.id),
        "key": record.key,
        "name": record.name,
        "sources": [source.prefix for source in record.sources],
        "engine": record.options.engine,
        "options": record.options.model_dump(mode="json", exclude_none=True),
        "requirements": _rule_set_name(record.requirements),
        "created": _time(record.created),
        "scanned": _time(manifest.created) if manifest else None,
        "generation": manifest.generation if manifest else None,
        "rows": manifest.rows if manifest else 0,
        "counts": manifest.counts if manifest else {},
        "verdicts": manifest.verdicts if manifest else {},
        "seconds": manifest.seconds if manifest else 0.0,
        "passed_over": manifest.passed_over if manifest else PassedOver(),
        "warnings": warnings,
    }


@router.get("", responses=problems())
async def datasets(
    services: ServicesDep,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    name: Annotated[str | None, Query(max_length=200, description="Only names that contain this text.")] = None,
    order: Annotated[
        Literal["key", "newest"], Query(description="By key, or by the time of the last scan, newest first.")
    ] = "key",
) -> DatasetPage:
    """All data sets."""
    position = decode_cursor(cursor, key=str) if order == "key" else decode_cursor(cursor, time=str, key=str)

    def read() -> DatasetPage:
        if order == "key":
            return _page(services, survey(services.store, position["key"] if position else ""), name, limit, order)
        found = sorted(survey(services.store), key=_moment, reverse=True)
        after = (position["time"], position["key"]) if position else None
        rest = (one for one in found if after is None or _moment(one) < after)
        return _page(services, rest, name, limit, order)

    return await services.quick(read)


def _page(services: Services, survey: Iterable[Surveyed], name: str | None, limit: int, order: str) -> DatasetPage:
    items: list[dict[str, Any]] = []
    damaged: list[DamagedDataset] = []
    last = None
    for found in survey:
        if name and name.casefold() not in (found.record.name if found.record else found.key).casefold():
            continue
        if len(items) == limit and last is not None:
            time, key = _moment(last)
            following = encode_cursor(key=key) if order == "key" else encode_cursor(time=time, key=key)
            return DatasetPage(items=items, next=following, damaged=damaged)
        if found.problem:
            damaged.append(DamagedDataset(key=found.key, problem=found.problem))
        if found.record is not None:
            items.append(view(services, found.record, found.manifest))
            last = found
    return DatasetPage(items=items, next=None, damaged=damaged)


def _moment(found: Surveyed) -> tuple[str, str]:
    """Time of a data set's last scan, else of its creation, as text that sorts by time; then its key."""
    if found.manifest is not None:
        return _time(found.manifest.created), found.key
    return _time(found.record.created) if found.record else "", found.key


@router.post("", status_code=status.HTTP_202_ACCEPTED, responses=problems(400, 503))
async def create(body: NewDataset, services: ServicesDep, response: Response) -> Launched:
    """Make a data set of a folder or of files below the data root, and scan it."""
    given = [value for value in (body.input, body.uri, body.files) if value]
    if len(given) != 1:
        raise invalid("input", "give exactly one of input, uri and files")
    await services.quick(check_requirements, body.requirements)
    if body.files:
        source = await services.table(file_source, services.data, services.settings.data, body.files)
    else:
        path = body.input or path_of_uri(services.data, services.settings.data, body.uri or "")
        source = await services.quick(folder_source, services.data, services.settings.data, path)
    return await _launch(services, response, source, body)


@router.post(
    "/upload",
    status_code=status.HTTP_202_ACCEPTED,
    responses=problems(400, 413, 503),
    openapi_extra=upload_body("file", several=True),
)
async def upload(
    request: Request,
    services: ServicesDep,
    response: Response,
    name: Annotated[DatasetName | None, Query()] = None,
    requirements: Annotated[str | None, Query(max_length=200)] = None,
) -> Launched:
    """Make a data set of pictures, or of one zip or tar archive (parts `file`), and scan it.

    The pictures are stored below `data/uploaded`; folders in the file names of the parts are kept.
    """
    await services.quick(check_requirements, requirements)
    async with services.staging() as folder:
        taken = await take_upload(request, services, folder)
    place = taken.folder
    source = Source(uri=location_uri(place, services.settings.data), prefix=f"data/{UPLOADED}/{place.name}")
    try:
        launched = await _launch(services, response, source, NewDataset(name=name, requirements=requirements))
        return launched.model_copy(update={"notes": list(taken.notes)})
    except BaseException:
        await services.quick(place.delete_dir)
        raise


@sample_router.post(
    "/v1/sample",
    status_code=status.HTTP_202_ACCEPTED,
    responses={**problems(400, 503), 200: {"model": Launched, "description": "The sample exists; its last task."}},
)
async def scan_sample(services: ServicesDep, response: Response) -> Launched:
    """Make the sample data set (24 files from two public-domain portraits) below the data root, and scan it, once."""
    if not services.data.is_local:
        raise bad_request("the sample data set needs a local data root (BQAT_DATA)")
    async with services.lock("the sample"):
        try:
            await services.picture(services.thumbnails.run, write_sample, services.data.local / SAMPLE)
        except OSError as error:
            raise NoRoomError(f"the sample cannot be written: {error.strerror or error}") from error
        source = await services.quick(folder_source, services.data, services.settings.data, f"data/{SAMPLE}")
        record = await services.quick(_sample_record, services, source)
        if record is None:
            return await _launch(services, response, source, NewDataset(name=SAMPLE))
        scans = [task for task in await services.tasks(Kind.SCAN) if task.collection == str(record.id)]
        last = max(scans, key=lambda task: task.created, default=None)
        if last is not None and last.status is not Status.ERROR:
            response.status_code = status.HTTP_200_OK
            return await _launched(services, response, record, last.id)
        tid = await launching.scan_again(services, record, force=False, allow_empty=False)
        return await _launched(services, response, record, tid)


def _sample_record(services: Services, source: Source) -> DatasetRecord | None:
    """The sample data set, or None when it has not been made."""
    found = (r for r in services.store.records() if r.name == SAMPLE and [s.uri for s in r.sources] == [source.uri])
    return min(found, key=lambda record: record.created, default=None)


@router.get("/{dataset}", responses=problems(404))
async def dataset_details(record: Dataset, services: ServicesDep) -> DatasetDetails:
    """One data set, with its size on disk."""

    def read() -> DatasetDetails:
        size = _size(services.store.folder(record.key))
        found = survey_one(services.store, record.key)
        return DatasetDetails(
            **view(services, record, found.manifest if found else None),
            bytes=size,
            problem=found.problem if found else "",
        )

    return await services.quick(read)


@router.post("/{dataset}/scan", status_code=status.HTTP_202_ACCEPTED, responses=problems(400, 404, 503))
async def scan_again(
    record: Dataset,
    services: ServicesDep,
    response: Response,
    force: Annotated[bool, Query(description="Measure every file again, also those that did not change.")] = False,
    allow_empty: Annotated[bool, Query(description="Go on when a source that held files before holds none.")] = False,
) -> Launched:
    """Scan a data set again. Measured are new and changed files, and those that a passing fault kept from it before."""
    tid = await launching.scan_again(services, record, force=force, allow_empty=allow_empty)
    return await _launched(services, response, record, tid)


@router.delete("/{dataset}", status_code=status.HTTP_204_NO_CONTENT, responses=problems(404))
async def delete(record: Dataset, services: ServicesDep) -> None:
    """Delete a data set: results, partition, tasks. Its pictures stay."""
    await delete_dataset(services, record)


# helpers


async def _launch(services: Services, response: Response, source: Source, body: NewDataset) -> Launched:
    tid, record = await launching.launch_scan(
        services,
        source,
        body.options.effective(),
        shown_input=source.prefix,
        name=body.name,
        requirements=body.requirements,
    )
    return await _launched(services, response, record, tid)


async def _launched(services: Services, response: Response, record: DatasetRecord, tid: str) -> Launched:
    response.headers["Location"] = f"{services.settings.root_path}/v1/runs/{tid}"

    def shown() -> DatasetView:
        return DatasetView(**view(services, record, services.store.manifest(record.key)))

    return Launched(task=tid, dataset=await services.quick(shown))


def check_requirements(name: str | None) -> None:
    """Refuse a rule set that is not shipped: clients must not name files of the server.

    Raises
    ------
    RequestValidationError : that names the known ones.
    """
    from bqat_pipeline.requirements import list_rule_sets

    if name is not None and name not in list_rule_sets():
        raise invalid("requirements", f"there is no rule set {name[:100]!r}; known are {', '.join(list_rule_sets())}")


def _size(folder: Location) -> int:
    selector = fs.FileSelector(folder.path, recursive=True, allow_not_found=True)
    return sum(info.size or 0 for info in folder.filesystem.get_file_info(selector) if info.type == fs.FileType.File)


def _time(moment: Any) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _rule_set_name(requirements: str) -> str:
    """Name of a rule set; of one in a file the file's name only, so that no path of the server is disclosed."""
    return requirements.rsplit("/", 1)[-1]
