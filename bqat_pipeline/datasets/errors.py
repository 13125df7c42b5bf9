"""Why a data set cannot be had: it is absent, it cannot be read now, or what is there is damaged.

Three answers, never one taken for another: an error of the storage does not mean that something is gone.
"""


class UnknownDatasetError(LookupError):
    """There is no data set of that key or id."""


class StorageError(OSError):
    """The storage refused; trying again later may help.

    Parameters
    ----------
    what : What it is about, without any path of this machine: ``dataset.json of helen-45a77c3a``.
    reason : What the system said.
    number : The system's error number, when there is one.
    """

    verb = "used"

    def __init__(self, what: str, reason: str, number: int | None = None) -> None:
        super().__init__(number, reason)
        self.what = what

    def __str__(self) -> str:
        return f"{self.what} cannot be {self.verb} now: {self.strerror}"

    def __reduce__(self) -> tuple[type["StorageError"], tuple[str, str, int | None]]:
        return type(self), (self.what, self.strerror or "", self.errno)


class UnreadableDatasetError(StorageError):
    """Something of a data set exists, or may exist, and cannot be read now."""

    verb = "read"


class UnwritableDatasetError(StorageError):
    """Something of a data set cannot be written: disk full, read-only, no permission, storage gone."""

    verb = "written"


class DamagedDatasetError(RuntimeError):
    """Something of a data set was read and makes no sense; the text says what, and the way out.

    Parameters
    ----------
    what : As in ``StorageError``.
    reason : What is wrong with it.
    remedy : What to do.
    """

    def __init__(self, what: str, reason: str, remedy: str) -> None:
        super().__init__(what, reason, remedy)
        self.what, self.reason, self.remedy = what, reason, remedy

    def __str__(self) -> str:
        return f"{self.what} is damaged ({self.reason}): {self.remedy}"
