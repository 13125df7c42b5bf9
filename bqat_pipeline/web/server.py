"""The HTTP server of both ports: uvicorn, with limits on how long a request may take to arrive."""

import asyncio
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from bqat_pipeline.settings import Settings

# Seconds over which a body's rate is taken: a line may falter for a while.
RATE_WINDOW = 60.0
_TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


def timed_protocol(seconds: float, rate: float = 0, window: float = RATE_WINDOW) -> type[HttpToolsProtocol]:
    """A protocol class that ends connections which keep the server waiting.

    Parameters
    ----------
    seconds : From the opening of a connection, or the first byte of a request, to the end of its headers; and the
        longest pause within its body. Time that this server spends on an answer does not count.
    rate : Bytes per second that a body must bring on average in each window; 0: any. A window in which the
        application took a pause does not count.
    window : Seconds over which the rate is taken.
    """

    class TimedProtocol(HttpToolsProtocol):
        _timer: asyncio.TimerHandle | None = None
        _in_body = False
        _complete = False  # the last request has arrived as a whole; nothing is waited for
        _window: asyncio.TimerHandle | None = None
        _came = 0  # bytes of the body in this window
        _held_up = False  # by the application, in this window

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._wait()

        def data_received(self, data: bytes) -> None:
            self._came += len(data)
            super().data_received(data)
            self._held_up = self._held_up or self.flow.read_paused
            if self.transport is None or self.transport.is_closing() or self.transport.get_protocol() is not self:
                self._stop()  # the last: a websocket, which has pings of its own
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
            if self.flow.read_paused:  # the application has not taken what came
                self._wait()
                return
            self._end()

        def _open_window(self) -> None:
            self._close_window()
            self._came, self._held_up = 0, self.flow.read_paused
            if rate:
                self._window = self.loop.call_later(window, self._look_at_window)

        def _close_window(self) -> None:
            if self._window is not None:
                self._window.cancel()
                self._window = None

        def _look_at_window(self) -> None:
            if self._held_up or self._came >= rate * window:
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

    Open event streams would hold up the end for as long as their tasks run, so they are cut after five seconds.
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
