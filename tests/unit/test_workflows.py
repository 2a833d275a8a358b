"""What runs on a hosting platform and before a commit: the commands of this repository, and nothing else."""

from __future__ import annotations

import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

import leakgauge

ROOT = Path(__file__).parents[2]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted(path.name for path in (GITHUB / "workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.M))


def read(name):
    return yaml.safe_load((GITHUB / name).read_text())


def workflow(name):
    return read(f"workflows/{name}")


def steps(name):
    for job in workflow(name)["jobs"].values():
        yield from job["steps"]


def made(text):
    """The targets of make that a script asks for."""
    return set(re.findall(r"^\s*make ([a-z-]+)", text, flags=re.M))


def test_there_are_workflows():
    assert WORKFLOWS == ["check.yml", "pages.yml", "release.yml", "scan.yml"]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_target_that_a_workflow_makes_is_one(name):
    assert set().union(*(made(step.get("run", "")) for step in steps(name))) <= TARGETS


def test_the_check_has_the_steps_of_the_landing_check():
    landing = made((ROOT / ".ci" / "run").read_text())
    assert landing == {"audit", "test", "test-slow", "test-endpoints", "site", "test-images"}
    assert set().union(*(made(step.get("run", "")) for step in steps("check.yml"))) == landing


def test_the_landing_check_names_nothing_outside_but_as_the_default_of_a_variable():
    code = [
        line for line in (ROOT / ".ci" / "run").read_text().splitlines() if not line.startswith(("#", "cd "))
    ]
    outside = [line for line in code if "../" in line or re.search(r"(^|[\s\"'=])/", line)]
    assert outside == ["start=${LEAKGAUGE_START_ENGINE:-../shared/tools/docker-here}"]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_needs_nothing_outside_the_repository(name):
    text = (GITHUB / "workflows" / name).read_text()
    assert "../" not in text
    assert "secrets." not in text  # what the platform gives is enough
    assert "pull_request_target" not in text
    assert "continue-on-error" not in text


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_is_allowed_to_read_and_each_job_what_it_needs_besides(name):
    found = workflow(name)
    assert found["permissions"] == {"contents": "read"}
    for job in found["jobs"].values():
        assert job["timeout-minutes"] <= 120
        for step in job["steps"]:
            assert ("run" in step) != ("uses" in step)
            if "uses" in step:
                assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", step["uses"])
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("name", WORKFLOWS)
def test_the_commit_of_an_action_is_told_by_its_version(name):
    text = (GITHUB / "workflows" / name).read_text()
    assert len(re.findall(r"uses: \S+@[0-9a-f]{40} # v[\d.]+$", text, flags=re.M)) == text.count("uses: ")


@pytest.mark.parametrize("name", WORKFLOWS)
def test_no_text_of_a_stranger_is_put_into_a_script(name):
    for step in steps(name):
        assert "${{" not in step.get("run", "")


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_script_is_one(name):
    for step in steps(name):
        if "run" in step:
            subprocess.run(["bash", "-n", "-c", step["run"]], check=True)


def test_the_versions_of_python_that_are_tested_are_those_that_are_promised():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    promised = re.findall(r"Python :: (3\.\d+)", "\n".join(project["classifiers"]))
    assert workflow("check.yml")["jobs"]["test"]["strategy"]["matrix"]["python"] == promised
    assert project["requires-python"] == f">={promised[0]}"


def test_a_release_finds_its_version_and_its_notes(tmp_path):
    scripts = {step.get("name"): step["run"] for step in steps("release.yml") if "run" in step}
    output = tmp_path / "output"
    check = scripts["See that the tag is the version"]
    version = leakgauge.__version__
    environment = {"PATH": "/usr/bin:/bin", "GITHUB_OUTPUT": str(output)}

    def tagged(tag):
        return subprocess.run(
            ["bash", "-e", "-c", check], cwd=ROOT, env=environment | {"GITHUB_REF_NAME": tag}, check=False
        ).returncode

    assert tagged(f"v{version}") == 0
    assert output.read_text() == f"version={version}\n"
    assert tagged("v0.0.0") != 0

    release = scripts["Make the release, with its section of the change log"]
    notes = release.partition("gh release create")[0].replace("> notes.md", "")
    written = subprocess.run(
        ["bash", "-e", "-c", notes],
        cwd=ROOT,
        env=environment | {"VERSION": version},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    section = re.search(
        rf"^## {re.escape(version)} - .*?\n(.*?)(?=^## |\Z)", (ROOT / "CHANGELOG.md").read_text(), re.M | re.S
    )
    assert written == section[1]
    assert "### Installation" in written


@pytest.mark.parametrize("form", ["fault", "idea"])
def test_the_forms_for_issues_ask_each_question_once(form):
    found = read(f"ISSUE_TEMPLATE/{form}.yml")
    asked = [part["id"] for part in found["body"] if part["type"] != "markdown"]
    assert len(asked) == len(set(asked)) >= 3
    assert {"name", "description", "body"} <= set(found)
    assert any(part.get("validations", {}).get("required") for part in found["body"])


def test_a_weakness_is_not_reported_in_public():
    (link,) = read("ISSUE_TEMPLATE/config.yml")["contact_links"]
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]
    assert link["url"] == f"{urls['Source']}/security/advisories/new"


def test_what_runs_before_a_commit_is_what_lint_runs():
    (local,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert local["repo"] == "local"  # nothing is fetched
    assert all(hook["language"] == "system" for hook in local["hooks"])
    lint = (ROOT / "Makefile").read_text().partition("\nlint:")[2].partition("\n\n")[0]
    ours = [
        shlex.split(line.replace("$(RUN)", ".venv/bin").replace(" .", "").replace(" --check", ""))
        for line in lint.splitlines()[1:]
    ]
    hooks = [shlex.split(hook["entry"].replace(" --force-exclude", "")) for hook in local["hooks"]]
    assert hooks == ours
