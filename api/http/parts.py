"""Parts of a multipart message as a parser finds them; what is done with their bytes is for others to say."""

from abc import ABC, abstractmethod

from python_multipart import MultipartParser

from api.http.disposition import Disposition, read_disposition


class Parts(ABC):
    """Receives the parts of one message, in their order.

    Attributes
    ----------
    complete : Whether the message came to its end.
    """

    def __init__(self) -> None:
        self.complete = False
        self._headers: dict[bytes, bytes] = {}
        self._name = b""
        self._value = b""

    @abstractmethod
    def begin(self, disposition: Disposition) -> None:
        """A part begins, and this is what its headers call it."""

    @abstractmethod
    def add(self, data: bytes, start: int, end: int) -> None:
        """Some bytes of the part came: those of `data` from `start` to before `end`."""

    @abstractmethod
    def finish(self) -> None:
        """The part is there as a whole."""

    def parser(self, boundary: bytes) -> MultipartParser:
        """A parser to write the message to."""
        return MultipartParser(
            boundary,
            {
                "on_part_begin": self._clear,
                "on_header_field": self._add_name,
                "on_header_value": self._add_value,
                "on_header_end": self._keep_header,
                "on_headers_finished": self._begin,
                "on_part_data": self.add,
                "on_part_end": self.finish,
                "on_end": self._end,
            },
        )

    def _clear(self) -> None:
        self._headers, self._name, self._value = {}, b"", b""

    def _add_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _add_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _keep_header(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name, self._value = b"", b""

    def _begin(self) -> None:
        self.begin(read_disposition(self._headers.get(b"content-disposition", b"")))

    def _end(self) -> None:
        self.complete = True
