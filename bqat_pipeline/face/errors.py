"""Errors of the face engine."""


class ModelError(RuntimeError):
    """A model file is missing, is not the known one, or cannot be loaded."""


class SourceError(Exception):
    """A source that cannot be read as a picture. Its row says so; only ``context`` passes the error on to the caller.

    Attributes
    ----------
    status : Status of the row (``unreadable``, ``too_large``, ``vanished``).
    code : Machine-readable reason, for example ``decode_failed``.
    """

    def __init__(self, status: str, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.code = code
