"""The HTTP server of both ports: uvicorn, with limits on how long a request may take to arrive."""

import asyncio
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from bqat_pipeline.settings import Settings

# Seconds over which the rate of a body is averaged, because a connection may stall for a while.
RATE_WINDOW = 60.0
_TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


def timed_protocol(seconds: float, rate: float = 0, window: float = RATE_WINDOW) -> type[HttpToolsProtocol]:
    """A protocol class that closes connections whose clients are too slow.

    Parameters
    ----------
    seconds : Longest time from the opening of a connection, or the first byte of a request, to the end of its headers;
        and longest pause within its body. Time in which the server works on a response does not count.
    rate : Bytes of a body that must arrive per second, on average over each window; 0 for no limit. A window in which
        the application stopped reading does not count.
    window : Seconds over which the rate is averaged.
    """

    class TimedProtocol(HttpToolsProtocol):
        _timer: asyncio.TimerHandle | None = None
        _in_body = False
        _complete = False  # the last request has arrived as a whole
        _window: asyncio.TimerHandle | None = None
        _received = 0  # bytes of the body in this window
        _read_paused = False  # whether the application stopped reading in this window

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._wait()

        def data_received(self, data: bytes) -> None:
            self._received += len(data)
            super().data_received(data)
            self._read_paused = self._read_paused or self.flow.read_paused
            if self.transport is None or self.transport.is_closing() or self.transport.get_protocol() is not self:
                self._stop()  # another protocol means a websocket, which has pings of its own
                self._close_window()
            elif self._in_body or (self._timer is None and not self._answering()):
                self._wait()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop()
            self._close_window()
            super().connection_lost(exc)

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self._complete = False
            self._wait()

        def on_headers_complete(self) -> None:
            self._in_body = True
            self._open_window()
            super().on_headers_complete()

        def on_message_complete(self) -> None:
            super().on_message_complete()
            self._in_body, self._complete = False, True
            self._stop()
            self._close_window()

        def _answering(self) -> bool:
            return self._complete and self.cycle is not None and not self.cycle.response_complete

        def _wait(self) -> None:
            self._stop()
            self._timer = self.loop.call_later(seconds, self._expire)

        def _stop(self) -> None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

        def _expire(self) -> None:
            if self.flow.read_paused:  # the application has not read what has arrived
                self._wait()
                return
            self._end()

        def _open_window(self) -> None:
            self._close_window()
            self._received, self._read_paused = 0, self.flow.read_paused
            if rate:
                self._window = self.loop.call_later(window, self._check_rate)

        def _close_window(self) -> None:
            if self._window is not None:
                self._window.cancel()
                self._window = None

        def _check_rate(self) -> None:
            if self._read_paused or self._received >= rate * window:
                self._open_window()
            else:
                self._end()

        def _end(self) -> None:
            if not (self._in_body and self.cycle is not None and self.cycle.response_started):
                self.transport.write(_TIMED_OUT)
            self.transport.close()

    return TimedProtocol


def serve(app: Any, host: str, port: int, config: Settings, **options: Any) -> None:
    """Serve an ASGI application until a signal ends it, with the limits of the settings.

    Open event streams last as long as their tasks run; on shutdown they are closed after five seconds.
    """
    uvicorn.run(
        app,
        host=host,
        port=port,
        http=timed_protocol(config.request_timeout, config.upload_rate),
        server_header=False,
        timeout_graceful_shutdown=5,
        **options,
    )
