"""A Chromium for tests that use the pages as people do."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

_QUIET = (
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
)


def chromium() -> str | None:
    """Path of a Chromium on this machine, or None."""
    return next(
        (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
    )


@contextmanager
def running_chromium(*arguments: str) -> Iterator[object]:
    """A Chromium that makes no requests of its own; without one the test is skipped, and says so in capitals."""
    path = chromium()
    if path is None:
        pytest.skip("CHROMIUM IS MISSING: the page was not looked at in a browser; install chromium to run these tests")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu", *_QUIET, *arguments]
        )
        yield launched
        launched.close()


def go_offline(page: Any) -> None:
    """Cut a page off from its server, and wait until it is: the switch may come into effect after the next keys."""
    page.context.set_offline(True)
    page.wait_for_function("() => fetch('/ui/lib.js', { cache: 'no-store' }).then(() => false, () => true)")
