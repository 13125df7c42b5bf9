"""Names of files in a data-set folder: they do not change, and one package knows them."""

import ast
from pathlib import Path

from bqat_pipeline.datasets import DatasetStore, Location
from bqat_pipeline.datasets.report_folder import EXPLORATION, NUMBERS, PAGE
from tests.processes import ROOT

# As every version since 0.1 wrote them: data sets on disk, and scripts that read them, depend on these.
OF_A_GENERATION = {
    "plan": "plan.json",
    "images": "images.parquet",
    "work": "reuse.json",
    "reused": "reused.parquet",
    "todo": "todo.parquet",
    "parts": "parts",
    "workers": "workers",
    "completion": "manifest.json",
    "profiles": "profiles",
}
OF_FINDINGS = ("outliers.parquet", "duplicates.parquet", "detections.parquet", "outliers.json", "duplicates.json")
OF_A_DATASET = ("dataset.json", "dataset.json.bak", "manifest.json", "progress.json", "plan.json", ".lock")
OF_A_REPORT = ("index.html", "report.json", "eda.html")
# A template of that name, and a file of BIQT's.
OTHERS = {("bqat_pipeline/report/page.py", "index.html")}


def test_names_on_disk(tmp_path: Path) -> None:
    store = DatasetStore(Location.parse(tmp_path))
    generation = store.generation("set-00000000", "0123456789abcdef")
    place = tmp_path / "datasets" / "set-00000000" / "0123456789abcdef"
    for name, file in OF_A_GENERATION.items():
        assert getattr(generation, name).local == place / file
    for finding in ("outliers", "duplicates", "detections"):
        assert generation.table(finding).local == place / f"{finding}.parquet"
    generation.write_details("outliers", {"summary": {"rows": 3}})
    assert (place / "outliers.json").read_bytes() == b'{"summary": {"rows": 3}}'
    assert generation.summary("outliers") == {"rows": 3}
    assert generation.discard("outliers") and not generation.discard("outliers")
    assert (PAGE, NUMBERS, EXPLORATION) == OF_A_REPORT


def test_only_the_package_of_data_sets_spells_names_of_their_files() -> None:
    names = {*OF_A_GENERATION.values(), *OF_FINDINGS, *OF_A_DATASET, *OF_A_REPORT} - {"parts", "workers", "profiles"}
    spelled = []
    for package in ("bqat_pipeline", "assets", "resources", "api"):
        for module in sorted((ROOT / package).rglob("*.py")):
            path = module.relative_to(ROOT).as_posix()
            if path.startswith("bqat_pipeline/datasets/"):
                continue
            for node in ast.walk(ast.parse(module.read_text())):
                text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
                if text in names and (path, text) not in OTHERS:
                    spelled.append(f"{path}:{node.lineno} {text}")
    assert spelled == []
