"""The files of a deployment: compose file, image, instance."""

import re
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def test_compose_file_follows_the_published_schema() -> None:
    command = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.compose-spec",
        "docker-compose.yml",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_compose_file_holds_no_secret_and_pins_its_images() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    for name in re.findall(r"(\w*(?:PASSWORD|KEY|SECRET)\w*): *(.*)", text):
        assert "${" in name[1], f"{name[0]} is written down"
    for service in COMPOSE["services"].values():
        assert re.search(r":\d+\.\d+", service["image"]), service["image"]


def test_every_service_has_a_health_check_or_needs_none() -> None:
    without = {name for name, service in COMPOSE["services"].items() if "healthcheck" not in service}
    assert without == {"dask-scheduler", "dask-worker"}


def test_services_of_ours_run_without_privileges() -> None:
    for name, service in COMPOSE["services"].items():
        if name != "postgres":
            assert service["cap_drop"] == ["ALL"] and service["read_only"] is True, name
    assert "USER bqat" in (ROOT / "docker/Dockerfile").read_text()


def test_only_the_front_doors_are_published_and_on_the_loopback_interface() -> None:
    ports = {name: service["ports"] for name, service in COMPOSE["services"].items() if "ports" in service}
    assert set(ports) == {"webserver", "api"}
    for published in ports.values():
        assert all(":-127.0.0.1:" in port for port in published)


def test_compose_refuses_to_start_without_a_key() -> None:
    for name in ("webserver", "api"):
        assert COMPOSE["services"][name]["environment"]["BQAT_API_KEY"].startswith("${BQAT_API_KEY:?"), name


def test_front_doors_are_started_with_their_guards() -> None:
    assert COMPOSE["services"]["webserver"]["command"][:3] == ["python", "-m", "bqat_pipeline.deployment.webserver"]
    assert COMPOSE["services"]["api"]["command"][:3] == ["python", "-m", "api"]


def test_both_instances_send_no_telemetry_and_check_their_run_workers() -> None:
    for path in ("dagster.yaml", "docker/dagster.yaml"):
        instance = yaml.safe_load((ROOT / path).read_text())
        assert instance["telemetry"] == {"enabled": False}, path
        assert instance["run_launcher"]["class"] == "CheckedRunLauncher", path
