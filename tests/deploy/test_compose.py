"""Service and Prometheus side by side: the schema of compose, the hardening, and that one finds the other."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ultralearn.recsys.service.metrics import Metrics

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
PROMETHEUS = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())
ALERTS = yaml.safe_load((DEPLOY / "prometheus/alerts.yml").read_text())


def check(document, *args):
    return subprocess.run([sys.executable, "-m", "check_jsonschema", *args, document], capture_output=True, text=True)


def test_it_fits_the_schema_of_compose():
    done = check(DEPLOY / "compose.yaml", "--builtin-schema", "vendor.compose-spec")
    assert done.returncode == 0, done.stdout


def test_the_schema_sees_a_mistyped_field(tmp_path):
    text = (DEPLOY / "compose.yaml").read_text()
    (tmp_path / "compose.yaml").write_text(text.replace("read_only: true\n    tmpfs", "readonly: true\n    tmpfs"))
    assert (tmp_path / "compose.yaml").read_text() != text
    done = check(tmp_path / "compose.yaml", "--builtin-schema", "vendor.compose-spec")
    assert done.returncode == 1
    assert "readonly" in done.stdout


@pytest.mark.parametrize("name", ["recommender", "prometheus"])
def test_each_container_is_hardened_and_seen_from_this_machine_only(name):
    service = COMPOSE["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"mem_limit", "pids_limit"} <= set(service)
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in service["ports"])
    assert not {"privileged", "cap_add", "network_mode", "pid", "user"} & set(service)
    mounts = [mount for mount in service["volumes"] if mount != "metrics:/prometheus"]
    assert all(mount["read_only"] if isinstance(mount, dict) else mount.endswith(":ro") for mount in mounts)


def test_the_recommender_is_built_from_the_dockerfile_and_drains_before_it_is_killed():
    service = COMPOSE["services"]["recommender"]
    build = {name: (DEPLOY / path).resolve() for name, path in service["build"].items() if name == "context"}
    assert build["context"] == ROOT
    assert (ROOT / service["build"]["dockerfile"]).is_file()
    assert int(service["stop_grace_period"].rstrip("s")) > 5  # ULTRALEARN_DRAIN_SECONDS where nothing is set
    assert service["volumes"][0]["source"].startswith("${RELEASE:?")


def test_images_of_others_are_pinned():
    assert re.fullmatch(r"docker\.io/prom/prometheus:v\d+\.\d+\.\d+", COMPOSE["services"]["prometheus"]["image"])


def test_prometheus_looks_at_the_recommender_under_its_name_and_port():
    (job,) = PROMETHEUS["scrape_configs"]
    targets = [target for config in job["static_configs"] for target in config["targets"]]
    for target in targets:
        name, _, port = target.partition(":")
        assert any(published.endswith(f":{port}") for published in COMPOSE["services"][name]["ports"])
    mounted = [str(mount) for mount in COMPOSE["services"]["prometheus"]["volumes"]]
    assert "./prometheus:/etc/prometheus:ro" in mounted
    assert all((DEPLOY / "prometheus" / name).is_file() for name in PROMETHEUS["rule_files"])
    assert "depends_on" in COMPOSE["services"]["prometheus"]


def rules():
    return [rule for group in ALERTS["groups"] for rule in group["rules"]]


def test_alerts_ask_for_metrics_and_labels_that_the_service_has():
    """A rule over a metric that nobody exposes never fires, and looks healthy."""
    known = {"up": {"job", "instance"}}
    for family in Metrics().registry.collect():
        suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}.get(family.type, [""])
        known |= {family.name + suffix: set() for suffix in suffixes}
    source = "".join(path.read_text() for path in (ROOT / "src/ultralearn/recsys/service").glob("metrics.py"))
    for rule in rules():
        names = re.findall(r"\b(up|ultralearn_\w+)(?:\{(\w+)[=~!])?", rule["expr"])
        assert names, rule
        for name, label in names:
            assert name in known, f"{rule['alert']} asks for {name}, which nobody exposes"
            assert not label or label in known[name] or f'"{label}"' in source, f"{name} has no label {label}"


def test_each_alert_says_what_to_do_and_is_tried():
    tried = json.dumps(yaml.safe_load((DEPLOY / "prometheus/alerts_test.yml").read_text()))
    assert len(rules()) == 4
    for rule in rules():
        assert {"summary", "what_to_do"} == set(rule["annotations"])
        assert f'"{rule["alert"]}"' in tried


@pytest.mark.skipif(not shutil.which("promtool"), reason="not on this machine: promtool (Debian: prometheus)")
@pytest.mark.parametrize(
    "command",
    [
        ["check", "config", "prometheus.yml"],
        ["check", "rules", "alerts.yml"],
        ["test", "rules", "alerts_test.yml"],
    ],
    ids=" ".join,
)
def test_prometheus_itself_reads_it_as_meant(command):
    done = subprocess.run(["promtool", *command], cwd=DEPLOY / "prometheus", capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SUCCESS" in done.stdout
