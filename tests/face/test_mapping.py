"""Component values: the published anchors of each mapping."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqat_pipeline.columns.iso import COMPUTABLE
from bqat_pipeline.face.mapping import MAPPINGS, component, rounded

ANCHORS = {
    "background_uniformity": "0:100 10:95 31:85 50:76 63:70 98:56 150:38 200:25",
    "illumination_uniformity": ".01:25 .05:41 .1:50 .2:62 .3:70 .44:78 .6:86 1:100",
    "luminance_mean": ".1:12 .15:27 .2:50 .25:73 .3:88 .35:95 .5:100 .7:88 .8:50",
    "luminance_variance": ".002:33 .005:66 .01:92 .0167:100 .025:95 .035:85 .05:71 .1:43",
    "under_exposure_prevention": "0:100 .5:100 .7:98 .8:90 .85:76 .9:52 .95:22 1:0",
    "over_exposure_prevention": "0:100 .005:67 .01:50 .02:33 .04:20 .09:10",
    "dynamic_range": "8:100 7:88 6:75",
    "natural_colour": "0:100 1:95 2:90 5:76 10:54 20:24 100:0",
    "single_face_present": "0:100 .25:75 1:0",
    "eyes_open": "0:12 .01:27 .02:50 .03:73 .04:88 .05:95 .06:98",
    "mouth_closed": "0:97 .03:94 .05:92 .1:84 .15:70 .2:50 .3:16",
    "inter_eye_distance": "30:12 50:27 60:38 70:50 90:73 100:82 120:92 150:98 180:100",
    "head_size": ".2:1 .25:4 .3:9 .35:24 .375:36 .4:54 .42:71 .45:100 .5:54",
    "leftward_crop_of_the_face_image": ".9:50 1:73 1.1:88 1.2:95 1.35:99",
    "rightward_crop_of_the_face_image": ".9:50 1:73 1.1:88 1.2:95 1.35:99",
    "margin_above_of_the_face_image": "1:2 1.2:12 1.3:27 1.4:50 1.5:73 1.6:88 1.8:98",
    "margin_below_of_the_face_image": "1.5:5 1.6:12 1.7:27 1.8:50 1.9:73 2:88 2.2:98",
    "head_pose_yaw": "0:100 5:99 8:98 10:97 15:93 20:88 30:75 45:50 -30:75 100:0",
    "head_pose_pitch": "5:99 -8:98 20:88",
    "head_pose_roll": "5:99 -8:98 20:88 180:0",
}
CASES = [
    (name, float(native), int(score))
    for name, anchors in ANCHORS.items()
    for native, score in (anchor.split(":") for anchor in anchors.split())
]


@pytest.mark.parametrize(("name", "native", "score"), CASES)
def test_mapping_holds_at_its_anchors(name: str, native: float, score: int) -> None:
    assert MAPPINGS[name](native) == score


def test_every_computable_component_has_a_mapping() -> None:
    assert set(MAPPINGS) == set(COMPUTABLE) == set(ANCHORS)


def test_unknown_native_value_has_no_component_value() -> None:
    assert component("eyes_open", None) == {"iso_eyes_open": None, "iso_eyes_open_score": None}


@pytest.mark.parametrize(("value", "result"), [(0.5, 1), (1.5, 2), (2.5, 3), (99.5, 100), (-0.5, 0), (250, 100)])
def test_halves_are_rounded_away_from_zero(value: float, result: int) -> None:
    assert rounded(value) == result


@given(st.sampled_from(sorted(MAPPINGS)), st.floats(0, 1e9))
def test_component_values_stay_between_0_and_100(name: str, native: float) -> None:
    if name in ("illumination_uniformity", "single_face_present"):
        native = min(native, 1.0)
    assert 0 <= MAPPINGS[name](native) <= 100
