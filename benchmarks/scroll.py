"""Smoothness of the review page's grid: Chromium scrolls it by wheel and scroll bar, and every frame is checked."""

import json
import os
import statistics
from typing import Any

from tests.browser import chromium

# Watches every frame. `late`: longest time that one tile was in view without its text; `bare`: longest time that a part of the
# view had no tile at all. Reads no layout besides the place of the scroll bar, so that it costs the frames little.
_WATCH = """() => {
  const grid = document.querySelector('.rv-grid'), height = grid.clientHeight;
  const line = grid.querySelector('.rv-line').offsetHeight;
  const seen = window.seen = { frames: [], late: 0, bare: 0 };
  let since = new Map(), bareSince = null, before = null;
  const frame = (now) => {
    if (window.seen !== seen) return;
    if (before !== null) seen.frames.push(now - before);
    before = now;
    requestAnimationFrame(frame);
    drawn.port2.postMessage(now);
  };
  // The message arrives after this frame is drawn.
  const drawn = new MessageChannel();
  drawn.port1.onmessage = ({ data: now }) => {
    const top = grid.scrollTop, waiting = new Map(), places = [];
    for (const row of grid.querySelectorAll('.rv-line')) {
      const y = Number(row.dataset.y) - top;
      if (y + line <= 0 || y >= height) continue;
      places.push(y);
      for (const tile of row.children) {
        if (!tile.hidden && tile.classList.contains('empty')) waiting.set(tile.dataset.index, since.get(tile.dataset.index) ?? now);
      }
    }
    for (const start of waiting.values()) seen.late = Math.max(seen.late, now - start);
    since = waiting;
    places.sort((one, other) => one - other);
    const gap = 20;
    const whole = places.length && places[0] <= gap && places.at(-1) + line + gap >= height
      && places.every((y, index) => index === 0 || y - places[index - 1] <= line + gap);
    if (whole) bareSince = null;
    else seen.bare = Math.max(seen.bare, now - (bareSince ??= now));
  };
  requestAnimationFrame(frame);
}"""


def scroll(address: str) -> None:
    """Scroll the review page at `address`; print a line for each way to scroll."""
    from playwright.sync_api import sync_playwright

    path = chromium()
    if path is None:
        raise SystemExit("no Chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"], ignore_default_args=["--hide-scrollbars"]
        )
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(address)
        page.locator(".rv-tile:not(.empty)").first.wait_for(timeout=120_000)
        page.wait_for_timeout(2000)
        box = page.locator(".rv-grid").bounding_box()
        assert box is not None
        for name, way in (
            ("nothing, for comparison", _rest),
            ("wheel, 100 px a step", _wheel),
            ("scroll bar, dragged", _drag),
        ):
            page.evaluate(_WATCH)
            way(page, box)
            page.wait_for_timeout(1000)
            _line(
                name,
                page.evaluate("() => { const { seen } = window; window.seen = null; return JSON.stringify(seen); }"),
            )
        browser.close()


def _rest(page: Any, _box: dict[str, float]) -> None:
    page.wait_for_timeout(3000)


def _wheel(page: Any, box: dict[str, float]) -> None:
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for step in range(300):
        page.mouse.wheel(0, 100 if step < 200 else -100)
        page.wait_for_timeout(16)


def _drag(page: Any, box: dict[str, float]) -> None:
    """Down to the end and half the way back, with rests as a person makes them."""
    x, top = box["x"] + box["width"] - 7, box["y"] + 18
    long = box["height"] - 40
    page.mouse.move(x, top)
    page.mouse.down()
    for step in [*range(0, 101), *range(100, 50, -1)]:
        page.mouse.move(x, top + long * step / 100)
        page.wait_for_timeout(400 if step % 25 == 0 else 16)
    page.mouse.up()


def _line(name: str, said: str) -> None:
    seen = json.loads(said)
    frames = sorted(seen["frames"])
    slow = sum(1 for took in frames if took > 50)
    print(
        f"{name:26} {len(frames):4} frames   median {statistics.median(frames):5.1f} ms   "
        f"95 % {frames[int(0.95 * (len(frames) - 1))]:5.1f} ms   longest {frames[-1]:5.0f} ms   {slow} over 50 ms   "
        f"a tile without text at most {seen['late']:.0f} ms   without a tile {seen['bare']:.0f} ms   load {os.getloadavg()[0]:.1f}",
        flush=True,
    )
