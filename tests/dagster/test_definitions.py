"""The code location loads quickly and without what only workers and reports need."""

import subprocess
import sys

import dagster as dg

HEAVY = ["mediapipe", "ai_edge_litert", "ydata_profiling", "matplotlib", "sklearn", "pyod", "distributed", "cv2"]


def test_definitions_load_without_heavy_imports():
    code = f"import sys, bqat_pipeline.definitions; print([m for m in {HEAVY} if m in sys.modules])"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "[]"


def test_definitions_are_loadable():
    from bqat_pipeline.definitions import defs

    dg.Definitions.validate_loadable(defs)


def test_every_asset_says_what_it_holds():
    from bqat_pipeline.definitions import defs

    specs = {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}
    assert sorted(specs) == ["duplicates", "exploration", "face_profiles", "images", "outliers", "report", "review"]
    for spec in specs.values():
        assert spec.description and spec.group_name == "face_quality" and spec.kinds and spec.owners
