"""Columns that say which file a row is about and what became of it."""

from bqat_pipeline.columns.model import Column

# A row always exists. These are the values of `status`.
STATUSES: dict[str, str] = {
    "ok": "one face was found and measured",
    "multiple_faces": "several faces were found; the main face was measured",
    "doubtful_face": "what was found and measured is probably not a human face",
    "no_face": "the picture was read, no face was found in it",
    "no_landmarks": "a face was found, its landmarks could not be fitted",
    "unreadable": "the file is empty, damaged, not a picture, or it or its folder could not be read",
    "too_large": "the file or its pixel count is beyond the configured limit",
    "timeout": "analysing the file took longer than the configured limit",
    "crashed": "the file ended its worker process three times",
    "vanished": "the file was listed and did not exist any more when it was to be opened",
}

# The same for people.
STATUS_TITLES = {
    "ok": "One face",
    "multiple_faces": "Several faces",
    "doubtful_face": "Doubtful face",
    "no_face": "No face",
    "no_landmarks": "No landmarks",
    "unreadable": "Unreadable",
    "too_large": "Too large",
    "timeout": "Took too long",
    "crashed": "Crashed",
    "vanished": "Vanished",
}

# Statuses of a row whose main face was measured: the rows that statistics, outliers and verdicts are about.
MEASURED = ("ok", "multiple_faces")

# Statuses of a row with values measured on something that is probably no human face: they are in the row for people to
# look at, and count nowhere.
DOUBTFUL = ("doubtful_face",)

# Statuses of a row whose picture was read, whatever is on it.
READ = (*MEASURED, *DOUBTFUL, "no_face", "no_landmarks")

IDENTITY = (
    Column(
        "file",
        "string",
        "Path as scanned, with forward slashes; below the data root it begins with `data/`.",
        group="identity",
    ),
    Column(
        "folder",
        "string",
        "Folder of the file, relative to the folder that was scanned; empty for the top.",
        group="identity",
        wire=False,
    ),
    Column("file_size", "int", "Size of the file.", unit="bytes", low=0, group="identity", wire=False),
    Column("modified", "timestamp", "Time of last modification of the file.", group="identity", wire=False),
    Column(
        "sha256",
        "string",
        "SHA-256 of the file's bytes, hexadecimal; equal for byte-identical files.",
        group="identity",
        wire=False,
    ),
    Column(
        "phash256",
        "string",
        "256-bit perceptual hash of the decoded picture, hexadecimal; copies differ in at most about 16 bits.",
        group="identity",
        wire=False,
    ),
    Column("format", "string", "Format sniffed from the content: JPEG, PNG, WEBP, ...", group="identity", wire=False),
    Column(
        "captured_at",
        "string",
        "When the picture was taken by the camera's clock, as EXIF or XMP record it: YYYY-MM-DDTHH:MM:SS, with the offset "
        "from UTC where it is recorded; null where there is none or it makes no sense.",
        group="identity",
        label="Taken",
        wire=False,
    ),
    Column(
        "camera",
        "string",
        "Make and model of the camera or scanner, as EXIF or XMP record them; at most 64 characters.",
        group="identity",
        wire=False,
    ),
    Column(
        "software",
        "string",
        "Program that wrote the file last, as EXIF, XMP or PNG record it: a camera's firmware, or what the picture was edited "
        "with; at most 64 characters.",
        group="identity",
        wire=False,
    ),
    Column(
        "orientation",
        "int",
        "EXIF orientation as stored, 1 to 8 (1: upright); pictures are measured upright whatever it is. Null without.",
        low=1,
        high=8,
        group="identity",
        label="Stored orientation",
        wire=False,
    ),
)

STATUS = (
    Column(
        "status",
        "string",
        "What became of the file: " + "; ".join(f"`{k}`: {v}" for k, v in STATUSES.items()) + ".",
        group="status",
        wire=False,
    ),
    Column(
        "reason_code",
        "string",
        "Machine-readable reason when status is not `ok`, for example `decode_failed`.",
        group="status",
        wire=False,
    ),
    Column("reason", "string", "The same reason as a sentence.", group="status", wire=False),
    Column(
        "warnings",
        "strings",
        "Codes of findings that did not prevent the measurement, for example `truncated`, `upside_down`, `background_not_asked`.",
        group="status",
        wire=False,
    ),
)

VERDICT = (
    Column(
        "verdict",
        "string",
        "Outcome against the data set's rule set: `pass`, `borderline`, `fail` or `not_assessed` (a required limit could not be judged; also in rows whose `status` says that no face was measured).",
        group="verdict",
        wire=False,
    ),
    Column(
        "verdict_reasons",
        "strings",
        "Up to five sentences that say what to change, most important first.",
        group="verdict",
        wire=False,
    ),
)
