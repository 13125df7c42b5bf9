"""How two generations of a data set differ, by joins over their Parquet files."""

import pyarrow as pa
import pyarrow.dataset as ds

from bqat_pipeline.datasets import Generation, Location
from bqat_pipeline.datasets.images import IMAGES_SCHEMA
from bqat_pipeline.datasets.records import Changes
from bqat_pipeline.execution.database import open_database

_PROFILES_SCHEMA = pa.schema(
    [
        pa.field("row", pa.int64()),
        pa.field("status", pa.string()),
        pa.field("reason_code", pa.string()),
        pa.field("sha256", pa.string()),
    ]
)
_UNREADABLE = "n.problem = 'folder_unreadable'"


def find_changes(new: Generation, before: Generation) -> Changes:
    """What became of the files between two complete generations.

    A file under the name it had is unchanged when its content is (SHA-256), and where that is not known of both, when
    size and time are. A new name with the content of a name that is gone has moved.
    """
    with open_database() as db:
        for name, generation in (("new", new), ("before", before)):
            db.register(f"{name}_images", _table(generation.images, IMAGES_SCHEMA))
            db.register(f"{name}_profiles", _table(generation.profiles, _PROFILES_SCHEMA))
            db.execute(
                f"""CREATE VIEW {name}_files AS SELECT i.file, i.file_size, i.modified, i.problem, p.sha256
                FROM {name}_images i LEFT JOIN {name}_profiles p ON p.row = i.row"""
            )
        files, known = (
            int(db.execute(f"SELECT count(*) FROM {name}_images").fetchall()[0][0]) for name in ("new", "before")
        )
        both, unreadable, same = db.execute(
            f"""SELECT count(*), count(*) FILTER (WHERE {_UNREADABLE}),
            count(*) FILTER (WHERE NOT {_UNREADABLE} AND b.problem IN (n.problem, 'folder_unreadable')
            AND n.file_size = b.file_size AND coalesce(n.sha256 = b.sha256, n.modified = b.modified))
            FROM new_files n JOIN before_files b USING (file)"""
        ).fetchall()[0]
        moved = db.execute(
            """SELECT coalesce(sum(least(n.files, b.files)), 0)
            FROM (SELECT sha256, count(*) AS files FROM new_files ANTI JOIN before_files USING (file) GROUP BY 1) n
            JOIN (SELECT sha256, count(*) AS files FROM before_files ANTI JOIN new_files USING (file) GROUP BY 1) b
            USING (sha256)"""
        ).fetchall()[0][0]
    moved = int(moved)
    return Changes(
        new=files - both - moved,
        changed=both - same - unreadable,
        unchanged=same,
        moved=moved,
        vanished=known - both - moved,
        unreadable=unreadable,
    )


def have_same_outcome(new: Generation, before: Generation) -> bool:
    """Whether two generations of the same files say the same of each: nothing came of trying rows again."""
    with open_database() as db:
        for name, generation in (("new", new), ("before", before)):
            db.register(name, _table(generation.profiles, _PROFILES_SCHEMA))
        (different,) = db.execute(
            """SELECT count(*) FROM new n FULL JOIN before b USING (row)
            WHERE n.status IS DISTINCT FROM b.status OR n.reason_code IS DISTINCT FROM b.reason_code"""
        ).fetchall()[0]
    return different == 0


def _table(place: Location, schema: pa.Schema) -> "ds.Dataset":
    return ds.dataset(place.path, filesystem=place.filesystem, format="parquet", schema=schema)
