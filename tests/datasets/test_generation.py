"""Names of files in a data-set folder: they do not change, and one package knows them."""

import ast
from pathlib import Path

from bqat_pipeline.datasets import DatasetStore, Location, decision_parts
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
    "review_list": "review.csv",
}
OF_FINDINGS = (
    "outliers.parquet",
    "duplicates.parquet",
    "detections.parquet",
    "review.parquet",
    "outliers.json",
    "duplicates.json",
    "review.json",
)
OF_A_DATASET = ("dataset.json", "dataset.json.bak", "manifest.json", "progress.json", "plan.json", ".lock")
OF_A_REPORT = ("index.html", "report.json", "eda.html")
# A template and the facade's page, of the same name.
OTHERS = {("bqat_pipeline/report/page.py", "index.html"), ("api/http/ui.py", "index.html")}


def test_names_on_disk(tmp_path: Path) -> None:
    store = DatasetStore(Location.parse(tmp_path))
    generation = store.generation("set-00000000", "0123456789abcdef")
    place = tmp_path / "datasets" / "set-00000000" / "0123456789abcdef"
    for name, file in OF_A_GENERATION.items():
        assert getattr(generation, name).local == place / file
    for finding in ("outliers", "duplicates", "detections", "review"):
        assert generation.table(finding).local == place / f"{finding}.parquet"
    generation.write_details("outliers", {"summary": {"rows": 3}})
    assert (place / "outliers.json").read_bytes() == b'{"summary": {"rows": 3}}'
    assert generation.summary("outliers") == {"rows": 3}
    assert generation.discard("outliers") and not generation.discard("outliers")
    assert (PAGE, NUMBERS, EXPLORATION) == OF_A_REPORT
    # decisions outlive versions: people made them
    action = "0c3e0b4e-8d8f-4f1e-9f39-2f1c6d1f7c55"
    assert store.decisions("set-00000000").local == tmp_path / "datasets" / "set-00000000" / "decisions"
    assert decision_parts.action_part(1_700_000_000_000_000_000, action) == f"01700000000000000000-{action}.jsonl"
    assert decision_parts.action_of(f"01700000000000000000-{action}.jsonl") == action
    assert decision_parts.is_compacted("compacted-0c3e0b4e8d8f4f1e9f392f1c6d1f7c55.parquet")
    assert decision_parts.is_compacted(decision_parts.compacted_part())
    for other in (f".01700000000000000000-{action}.jsonl.12-ab.tmp", f"01700000000000000000-{action}.jsonl~"):
        assert decision_parts.action_of(other) is None and not decision_parts.is_compacted(other)


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
