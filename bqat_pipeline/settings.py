"""Settings from the environment (prefix ``BQAT_``), with safe defaults. docs/settings.md is generated from them."""

import os
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, ByteSize, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from bqat_pipeline.base_folder import base_folder


def _seconds(value: object) -> object:
    """Seconds of ``30s``, ``2m``, ``1h`` or ``30d``; other values unchanged, for pydantic to check."""
    if isinstance(value, str) and value[-1:] in "smhd" and value[:-1].replace(".", "", 1).isdigit():
        return float(value[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86_400}[value[-1]]
    return value


Seconds = Annotated[float, BeforeValidator(_seconds)]
_PREFIX = r"^((/[\w.~-]+)+)?$"


class Settings(BaseSettings):
    """Every setting of bqat-pipeline; each is the environment variable ``BQAT_<NAME>``."""

    model_config = SettingsConfigDict(env_prefix="BQAT_", env_file=".env", extra="ignore", frozen=True)

    # where things are
    home: str = Field("./storage", description="Folder of all results: a local path or s3://bucket/prefix.")
    data: str = Field(
        "./data",
        description="Data root: the only folder whose files clients may name. A local path or s3://bucket/prefix.",
    )
    state: Path = Field(Path("./state"), description="Local folder of the Dagster instance, logs and temporary files.")

    # REST facade
    host: str = Field("127.0.0.1", description="Address the REST facade listens on; 0.0.0.0 for all.")
    port: int = Field(8848, ge=0, le=65535, description="Port of the REST facade.")
    dagster_host: str = Field("127.0.0.1", description="Address that `bqat up` lets the Dagster UI listen on.")
    dagster_port: int = Field(3000, ge=0, le=65535, description="Port that `bqat up` lets the Dagster UI listen on.")
    dagster_url: str = Field("http://127.0.0.1:3000", description="Address of the Dagster webserver.")
    public_dagster_url: str = Field(
        "", description="Address of the Dagster UI as browsers reach it; empty: dagster_url."
    )
    allowed_hosts: str = Field(
        "",
        description="Names, separated by commas, by which both ports may be called besides addresses and localhost; "
        "`*` for any.",
    )
    root_path: str = Field(
        "", pattern=_PREFIX, description="Path below which a proxy serves the REST facade, as `/bqat`."
    )
    dagster_root_path: str = Field(
        "", pattern=_PREFIX, description="Path below which a proxy serves the Dagster UI; the proxy must not strip it."
    )
    request_timeout: Seconds = Field(
        30, gt=0, description="Longest wait for the headers of a request, and longest pause within its body."
    )
    upload_rate: ByteSize = Field(
        ByteSize(1000),
        description="Bytes per second at which the body of a request must arrive, on average over a minute; a slower "
        "request ends with 408. 0: no limit.",
    )
    api_key: SecretStr = Field(SecretStr(""), description="Key for the REST facade; empty: no key is required.")
    api_key_scope: Literal["mutating", "all"] = Field(
        "mutating", description="Routes that require the key: those that change something, or all."
    )
    dagster_key: SecretStr = Field(SecretStr(""), description="Key for the Dagster UI; empty: the same as `api_key`.")
    access_key: SecretStr = Field(
        SecretStr("bqat"),
        description="Key that `POST /validate` accepts; it opens the front page of BQAT-GUI and protects nothing.",
    )
    cors_origin: str = Field(
        "http://localhost:9949", description="Origin of the web front end whose pages may call the REST facade."
    )
    wire_pose: Literal["capitalised", "lower"] = Field(
        "capitalised",
        description="Words of `yaw_pose`, `pitch_pose`, `roll_pose` on the routes of the BQAT API: `Forward` as in its "
        "version 1.3, or `forward` as BQAT core 1.6 writes them.",
    )
    reviewer_header: str = Field(
        "",
        pattern=r"^[A-Za-z0-9-]{0,100}$",
        description="Header in which a proxy names the person who decides about pictures, as `X-Forwarded-User`; names "
        "that clients send themselves are then ignored. The proxy must remove the header from requests of clients. "
        "Empty: clients send the name.",
    )
    allow_purge: bool = Field(False, description="Whether `POST /purge` deletes all data sets.")
    max_upload: ByteSize = Field(ByteSize(2_000_000_000), description="Largest upload, and largest unpacked archive.")
    max_upload_files: int = Field(100_000, ge=1, description="Most files in one upload or archive.")
    max_archive_ratio: float = Field(100.0, gt=1, description="Largest ratio of unpacked to packed size of an archive.")

    # scanning
    workers: int = Field(0, ge=0, description="Worker processes of a scan; 0: one for each core.")
    dask_scheduler: str = Field(
        "", description="Address of a Dask scheduler (tcp://host:8786); empty: local processes."
    )
    dask_worker_timeout: Seconds = Field(
        120, gt=0, description="How long a scan waits for a Dask worker before it fails (it can be resumed)."
    )
    storage_timeout: Seconds = Field(
        120,
        ge=0,
        description="How long a scan waits for S3 while it cannot be reached or refuses, before it fails (it can be "
        "resumed).",
    )
    database_timeout: Seconds = Field(
        120, ge=0, description="How long a run waits for PostgreSQL while it cannot be reached, before it fails."
    )
    max_pixels: int = Field(
        64_000_000, ge=1, description="Largest picture in pixels; larger ones become rows with status `too_large`."
    )
    max_file_size: ByteSize = Field(
        ByteSize(200_000_000), description="Largest image file; larger ones become rows with status `too_large`."
    )
    image_timeout: Seconds = Field(
        30, gt=0, description="Longest time for one picture; then it becomes a row with status `timeout`."
    )
    worker_memory: ByteSize = Field(ByteSize(2_000_000_000), description="Memory limit of a worker process; 0: none.")
    chunk_size: int = Field(
        100, ge=1, le=100_000, description="Files in one unit of work; a resumed scan repeats unfinished units only."
    )
    max_concurrent_scans: int = Field(1, ge=1, description="Scans that run at the same time (Dagster pool `scan`).")
    background: bool = Field(
        True,
        description="Whether scans with `bqat` tell the person from the background. Without it they are faster, and "
        "shoulders, top of the hair, crown at the picture's edge and all of the background are null, with the warning "
        "`background_not_asked`; limits on them are not assessed. Single pictures are always measured in full.",
    )
    requirements: str = Field(
        "icao-tr-portrait",
        description="Rule set of new data sets: a shipped name or the path of a TOML file.",
    )

    # single pictures
    assess_workers: int = Field(
        1,
        ge=0,
        description="Processes that measure single pictures (`POST /v1/assess`, `/file`); 0: none are measured.",
    )
    assess_queue: int = Field(
        32, ge=0, description="Single pictures that may wait; further requests are answered 429 with Retry-After."
    )

    assess_memory: ByteSize = Field(
        ByteSize(256_000_000),
        description="Bytes of single pictures that may be in memory at a time, from arrival to answer; further "
        "requests are answered 429 with Retry-After.",
    )

    # external engines
    ofiq_app: str = Field("OFIQSampleApp", description="OFIQ's program: a name on the PATH or a path.")
    ofiq_data: str = Field(
        "", description="Folder of OFIQ's configuration and models; empty: OFIQ_DATA_DIR, then ~/.ofiq/data."
    )
    biqt_app: str = Field("biqt", description="BIQT's program: a name on the PATH or a path; it also needs BIQT_HOME.")

    # outliers and report
    outlier_rate: float = Field(
        0.01, gt=0, lt=0.5, description="Largest share of ordinary pictures that may be flagged as outliers."
    )
    thumbnails: Literal["full", "blurred", "none"] = Field(
        "full", description="Faces in reports and in every answer of the REST facade: as they are, blurred, or none."
    )
    thumbnail_cache: ByteSize = Field(
        ByteSize(500_000_000), description="Most bytes of small pictures kept below `state`; 0: none are kept."
    )
    report_names: Literal["path", "hashed"] = Field(
        "path", description="File names in the report: as they are, or hashed."
    )
    eda: bool = Field(
        False,
        description="Whether the exploratory page is drawn after every scan, as a run of its own; "
        "otherwise it is drawn when somebody opens it.",
    )
    eda_timeout: Seconds = Field(600, gt=0, description="Longest time for the exploratory page (ydata-profiling).")
    eda_memory: ByteSize = Field(
        ByteSize(3_000_000_000), description="Memory limit of the process that draws the exploratory page."
    )

    # same person
    identity: bool = Field(
        False,
        description="Whether scans compute a template of each face and look for the same person (extra `identity`). "
        "Templates are personal data of a special category.",
    )
    identity_model: str = Field(
        "",
        description="Path of `dlib_face_recognition_resnet_model_v1.dat`; empty: the file that the extra `identity` "
        "installs. It is never downloaded at run time.",
    )
    identity_threshold: float = Field(
        0.34,
        gt=0,
        le=1,
        description="Distance of two templates below which they may be one person, 0..2; 0.34: one false pair in about "
        "ten thousand comparisons.",
    )
    identity_retention: Seconds = Field(
        30 * 86_400,
        ge=0,
        description="How long templates are kept after the last scan that made any (`30d`, `12h`); pairs stay with the "
        "data set. 0: they are deleted as soon as the pairs were found.",
    )

    # automation
    sensor_interval: int = Field(
        30, ge=5, description="Seconds between two searches for new folders under the data root."
    )
    sensor_settle: Seconds = Field(
        10, ge=0, description="A folder is scanned when nothing in it has changed for this long."
    )
    rescan_cron: str = Field(
        "0 3 * * *", description="When the rescan schedule runs (off until it is switched on in Dagster)."
    )
    webhook_url: SecretStr = Field(
        SecretStr(""),
        description="Address to which failed runs are posted as JSON; empty: none. Clients cannot set it.",
    )
    log_format: Literal["text", "json"] = Field("text", description="Log lines for people or as JSON.")

    def as_environment(self) -> dict[str, str]:
        """Environment variables with the settings that were set, for a process with another working directory."""
        chosen = {name: getattr(self, name) for name in self.model_fields_set}
        texts = {n: v.get_secret_value() if isinstance(v, SecretStr) else str(v) for n, v in chosen.items()}
        for name in ("home", "data", "state"):
            value = str(getattr(self, name))
            texts[name] = value if "://" in value else str(Path(value).absolute())
        if self.identity_model and not self.identity_model.startswith("~"):
            texts["identity_model"] = str(Path(self.identity_model).absolute())
        return {f"BQAT_{name.upper()}": text for name, text in texts.items()}

    @property
    def key_of_dagster(self) -> str:
        """The key that the Dagster UI requires; empty: none."""
        return self.dagster_key.get_secret_value() or self.api_key.get_secret_value()


@cache
def settings() -> Settings:
    """The settings of this process, read once from the environment and the `.env` of the base folder.

    Relative paths in `.env`, and default ones, are relative to the base folder (``base_folder``); those in environment
    variables to the working directory.
    """
    base = base_folder(Path.cwd())
    chosen = Settings(_env_file=base / ".env")
    given = {name.upper() for name in os.environ}
    places: dict[str, str | Path] = {}
    for name in ("home", "data", "state"):
        value = str(getattr(chosen, name))
        if f"BQAT_{name.upper()}" not in given and "://" not in value:
            places[name] = str(base / Path(value).expanduser())
    if chosen.identity_model and "BQAT_IDENTITY_MODEL" not in given and not chosen.identity_model.startswith("~"):
        places["identity_model"] = str(base / chosen.identity_model)
    if "state" in places:
        places["state"] = Path(places["state"])
    return chosen.model_copy(update=places)
