"""How a column of our own helper measures is described."""

from typing import Any

from bqat_pipeline.columns.model import Column, ColumnType


def auxiliary(name: str, kind: ColumnType, description: str, **rest: Any) -> Column:
    """A column ``aux_<name>``; a number is worth statistics unless said otherwise.

    Parameters
    ----------
    rest : Further fields of ``Column``, such as ``unit``, ``low``, ``high``, ``direction`` and ``label``.
    """
    rest.setdefault("statistics", kind in ("int", "float", "bool"))
    return Column(f"aux_{name}", kind, description, group="aux", wire=False, **rest)
