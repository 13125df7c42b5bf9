"""`/assess` as people use it: a file, and a camera that Chromium plays from a film."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import matplotlib
import numpy as np
import pytest

from tests.browser import go_offline, running_chromium
from tests.facade import RunningFacade, running_facade
from tests.processes import eventually

PORTRAIT = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
# Middle between the eyes of the portrait, and the length of the head, px.
EYES, HEAD = (275.0, 184.0), 302.0
WIDTH, HEIGHT = 1280, 720


def film(path: Path, turned: float = 0.0, *, empty: bool = False) -> Path:
    """A film of the portrait as a camera sees it, turned by some degrees against the clock; or of nobody."""
    frame = np.full((HEIGHT, WIDTH, 3), 150, np.uint8)
    if not empty:
        scale = 0.70 * HEIGHT / HEAD
        matrix = cv2.getRotationMatrix2D(EYES, turned, scale)
        matrix[:, 2] += np.array([WIDTH / 2, 0.42 * HEIGHT]) - np.array(EYES)
        image = cv2.imread(str(PORTRAIT))
        frame = cv2.warpAffine(image, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    content = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    path.write_bytes(content * 30)  # MJPEG: one picture after the other; Chromium begins again at its end
    return path


@contextmanager
def camera_page(facade: RunningFacade, played: Path, **context: Any) -> Iterator[Any]:
    """The page in a browser whose camera plays a film."""
    flags = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
    with running_chromium(*flags, f"--use-file-for-fake-video-capture={played}") as browser:
        page = browser.new_page(**context)  # type: ignore[attr-defined]
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda request: faults.extend(_foreign(request.url, facade.address)))
        page.goto(f"{facade.address}/assess?requirements=enrolment-relaxed")
        yield page
        assert faults == []


def _foreign(url: str, address: str) -> list[str]:
    return [] if url.startswith((address, "blob:", "data:")) else [url]


@pytest.fixture(scope="module")
def facade(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningFacade]:
    with running_facade(tmp_path_factory.mktemp("assess")) as running:
        yield running


def test_camera_takes_a_good_portrait_by_itself(facade: RunningFacade, tmp_path: Path) -> None:
    with camera_page(facade, film(tmp_path / "good.mjpeg")) as page:
        page.get_by_role("button", name="Use the camera").click()
        page.get_by_role("heading", name="Pass").wait_for(timeout=60_000)
        shown = page.get_by_role("img", name="The picture camera.jpg")
        assert shown.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [560, 720]
        assert page.get_by_role("button", name="Use the camera").is_visible()  # it has let go of the camera
        with page.expect_download() as taken:
            page.get_by_role("link", name="Download picture").click()
        assert cv2.imread(str(taken.value.path())).shape == (720, 560, 3)


def test_camera_says_how_to_hold_a_tilted_head_and_takes_nothing(facade: RunningFacade, tmp_path: Path) -> None:
    with camera_page(facade, film(tmp_path / "tilted.mjpeg", turned=25)) as page:
        page.get_by_role("button", name="Use the camera").click()
        advice = page.get_by_role("status").filter(has_text="Tilt the head")
        advice.wait_for(timeout=60_000)
        assert "degrees clockwise" in advice.inner_text()
        rate = page.locator("[data-rate]")
        eventually(lambda: float(rate.get_attribute("data-rate")) > 2, 60, "several judgements a second")
        assert page.get_by_role("button", name="Take the picture").is_visible()
        page.get_by_role("button", name="Take the picture").click()
        page.get_by_role("heading", name="Fail").wait_for()


def test_camera_says_that_it_sees_nobody_on_a_tablet(facade: RunningFacade, tmp_path: Path) -> None:
    tablet = {"viewport": {"width": 768, "height": 1024}, "has_touch": True}
    with camera_page(facade, film(tmp_path / "empty.mjpeg", empty=True), **tablet) as page:
        page.get_by_role("button", name="Use the camera").tap()
        page.get_by_role("status").filter(has_text="No face is seen").wait_for(timeout=60_000)


def test_chosen_file_is_judged_and_a_hostile_name_stays_text(facade: RunningFacade, tmp_path: Path) -> None:
    with running_chromium() as browser:
        page = browser.new_page()  # type: ignore[attr-defined]
        page.goto(f"{facade.address}/assess")
        name = "<img src=x onerror=document.title='taken'>.jpg"
        page.locator("input[type=file]").set_input_files(
            {"name": name, "mimeType": "image/jpeg", "buffer": PORTRAIT.read_bytes()}
        )
        page.get_by_role("heading", name="Fail").wait_for(timeout=60_000)
        assert page.get_by_role("row").filter(has_text="Inter-eye distance").inner_text().count("px") == 2
        for angle, error in (("Yaw", "2.5"), ("Pitch", "3.7"), ("Roll", "1")):
            row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=angle)).first
            assert f"° ± {error}°" in row.inner_text()
        assert page.title() == "One picture"
        page.get_by_label("Judged as").select_option("enrolment-relaxed")
        page.get_by_role("heading", name="Pass").wait_for(timeout=60_000)
        assert page.url.endswith("requirements=enrolment-relaxed")
        page.locator("input[type=file]").set_input_files(
            {"name": "broken.jpg", "mimeType": "image/jpeg", "buffer": b"not a picture"}
        )
        page.get_by_role("heading", name="Not assessed").wait_for(timeout=60_000)
        page.get_by_text("This browser cannot show broken.jpg.").wait_for()
        assert page.get_by_role("table").count() == 0  # of limits that were held against nothing


def test_a_picture_that_the_server_did_not_judge_has_no_judgement_of_the_one_before(facade: RunningFacade) -> None:
    with running_chromium() as browser:
        page = browser.new_page()  # type: ignore[attr-defined]
        page.goto(f"{facade.address}/assess")
        chosen = page.locator("input[type=file]")
        chosen.set_input_files({"name": "first.jpg", "mimeType": "image/jpeg", "buffer": PORTRAIT.read_bytes()})
        page.get_by_role("heading", name="Fail").wait_for(timeout=60_000)
        go_offline(page)
        chosen.set_input_files({"name": "second.jpg", "mimeType": "image/jpeg", "buffer": PORTRAIT.read_bytes()})
        page.get_by_role("alert").get_by_text("The server does not answer.").wait_for()
        page.get_by_role("img", name="The picture second.jpg").wait_for()
        assert page.get_by_role("heading", level=2).count() == page.get_by_role("table").count() == 0
        page.context.set_offline(False)
        page.get_by_role("button", name="Judge it again").click()
        page.get_by_role("heading", name="Fail").wait_for(timeout=60_000)
        assert page.get_by_text("second.jpg", exact=True).is_visible()
        assert page.get_by_role("alert").count() == 0


def test_camera_gives_no_old_advice_while_the_server_is_away(facade: RunningFacade, tmp_path: Path) -> None:
    with camera_page(facade, film(tmp_path / "tilted.mjpeg", turned=25)) as page:
        page.get_by_role("button", name="Use the camera").click()
        advice = page.get_by_role("status")
        advice.filter(has_text="Tilt the head").wait_for(timeout=60_000)
        go_offline(page)
        advice.filter(has_text="The server does not answer.").wait_for()
        assert page.get_by_role("table", include_hidden=True).count() == 0
        page.context.set_offline(False)
        advice.filter(has_text="Tilt the head").wait_for(timeout=60_000)


def test_camera_that_is_not_allowed_is_explained(facade: RunningFacade) -> None:
    with running_chromium("--deny-permission-prompts") as browser:
        page = browser.new_page()  # type: ignore[attr-defined]
        page.goto(f"{facade.address}/assess")
        page.get_by_role("button", name="Use the camera").click()
        note = page.get_by_role("alert")
        note.wait_for(timeout=60_000)
        assert any(word in note.inner_text() for word in ("not allowed", "no camera"))


def test_page_asks_for_the_key_before_it_judges_and_limits_fit_a_telephone(tmp_path: Path) -> None:
    with (
        running_facade(tmp_path, BQAT_API_KEY="a-key-nobody-knows", BQAT_API_KEY_SCOPE="all") as guarded,
        running_chromium() as browser,
    ):
        page = browser.new_page(viewport={"width": 360, "height": 740})  # type: ignore[attr-defined]
        page.goto(f"{guarded.address}/assess")
        dialog = page.get_by_role("dialog", name="This server asks for a key")
        dialog.get_by_label("Key").press("Escape")
        dialog.wait_for(state="hidden")
        chosen = {"name": "hopper.jpg", "mimeType": "image/jpeg", "buffer": PORTRAIT.read_bytes()}
        page.locator("input[type=file]").set_input_files(chosen)
        dialog.get_by_label("Key").fill("a-key-nobody-knows")
        dialog.get_by_role("button", name="Enter").click()
        page.get_by_role("heading", name="Fail").wait_for(timeout=60_000)
        limit = page.get_by_role("row").filter(has_text="Inter-eye distance").get_by_role("cell", name="at least 90 px")
        assert limit.evaluate("cell => cell.getClientRects().length && cell.clientHeight < 30")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.get_by_label("Judged as").select_option("enrolment-relaxed")  # the list came with the key
        page.get_by_role("heading", name="Pass").wait_for(timeout=60_000)
