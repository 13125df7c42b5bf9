"""Arrow without pandas, for the process of the facade: pandas costs 54 MB and 0.4 s, and the facade never uses it."""

import importlib
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType


class _NoPandas:
    """Says that pandas is not installed."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name == "pandas":
            raise ModuleNotFoundError("pandas is not used in this process", name=name)
        return None


def import_arrow_without_pandas() -> None:
    """Import Arrow's data sets; Arrow then takes pandas for absent in this process, whatever imports it later.

    Arrow asks for pandas once, when its first scalar is made, and remembers the answer.
    """
    finder = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        importlib.import_module("pyarrow.dataset")
    finally:
        sys.meta_path.remove(finder)
