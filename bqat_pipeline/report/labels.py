"""How pictures and folders are called on the page: by their path, or by pseudonyms that only the data set resolves."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from bqat_pipeline.report.options import Names


class Labels:
    """Names for pictures and folders.

    With ``hashed``, a picture is called by the first twelve characters of the SHA-256 of its content, which the
    profiles hold, and by its row alone where it could not be read; folders are numbered. A hash of the name itself
    would not hide it: names can be guessed and tried.

    Parameters
    ----------
    names : ``path`` or ``hashed``.
    """

    def __init__(self, names: Names) -> None:
        self.hashed = names == "hashed"
        self._folders: dict[str, str] = {}

    def picture(self, row: Mapping[str, Any]) -> str:
        """Name of the picture of a row with ``file``, ``sha256`` and ``row``."""
        if not self.hashed:
            return str(row.get("file") or "")
        digest = row.get("sha256")
        return f"picture {digest[:12]}, row {row.get('row')}" if digest else f"picture in row {row.get('row')}"

    def folder(self, name: str | None) -> str:
        """Name of a folder; the top folder of the data set is called so."""
        if not name:
            return "(top folder)"
        if not self.hashed:
            return name
        return self._folders.setdefault(name, f"folder {len(self._folders) + 1}")

    def pictures(self, batch: pa.RecordBatch) -> pa.Array:
        """Names of all pictures of a batch, as ``picture`` gives them one by one."""
        if not self.hashed:
            return pc.fill_null(batch.column("file"), "")
        number = pc.cast(batch.column("row"), pa.string())
        by_row = pc.binary_join_element_wise("picture in row", number, " ")
        if "sha256" not in batch.schema.names:
            return by_row
        digest = pc.binary_join_element_wise("picture", pc.utf8_slice_codeunits(batch.column("sha256"), 0, 12), " ")
        return pc.coalesce(pc.binary_join_element_wise(digest, number, ", row "), by_row)
