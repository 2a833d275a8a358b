"""Audits of live services from end to end: settings and data in, a report out."""

from __future__ import annotations

import itertools
import socket
import subprocess
import sys

import numpy as np
import pytest
import yaml
from service_protocols import MLflow, TensorFlowServing
from service_rows import DIGITS, answers_of_small_forest, small_forest
from services import serving

import leakgauge
from leakgauge.endpoints.broker import Broker
from leakgauge.endpoints.reading import read_endpoint
from leakgauge.errors import BadBundle, BadParameters
from leakgauge.jobs.audit import audit as audit_job
from leakgauge.jobs.request import JobRequest, Service
from leakgauge.progress import Silent
from leakgauge.report.files import read_report

SECRET = "s3cr3t-value-0123456789"
QUICK = {"attacks": ["gap", "loss"], "proportions": [50], "most_exposed": 3}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Tables of 120 members and 120 non-members, without the model."""
    folder = tmp_path_factory.mktemp("data")
    _, members, non_members = small_forest()
    members.to_csv(folder / "members.csv", index=False)
    non_members.to_csv(folder / "non_members.csv", index=False)
    return folder


class Nobody(Silent):
    """Hears and sees nothing."""

    def opened(self, file):
        pass

    def show(self, values):
        pass


@pytest.fixture
def audit(data, tmp_path):
    """Audits a service in this very process, with a broker and a socket as in the sandbox; the report."""
    numbers = itertools.count()

    def of_service(service, *, given=data, environment=None, overrides=QUICK, **settings):
        endpoint = {"protocol": "mlflow", "url": service.url, "cache": str(tmp_path / "cache")}
        endpoint |= {"requests": {"retries": 0, "rows": 50}}
        scratch, report = (tmp_path / f"{name}-{next(numbers)}" for name in ("scratch", "report"))
        report.mkdir()
        ours, theirs = socket.socketpair()
        with Broker(read_endpoint(endpoint | settings), environment or {}) as broker, theirs:
            facts = broker.facts()
            broker.attach(ours)
            request = JobRequest(
                source=given,
                scratch=scratch,
                report=report,
                overrides=overrides,
                only=None,
                service=Service(facts, theirs.fileno()),
            )
            audit_job(request, Nobody())
        return read_report(report)

    return of_service


@pytest.fixture
def service():
    with serving(MLflow(), answers_of_small_forest) as found:
        yield found


def test_the_report_says_what_it_cost(service, audit, tmp_path):
    report = audit(service, price={"per_1000_rows": 10.0, "per_request": 0.01})
    (page,) = (file.read_text() for file in tmp_path.rglob("report.html"))
    assert report.service.rows == len(service.rows)
    assert report.service.requests == service.requests
    assert report.service.cost == pytest.approx(len(service.rows) * 0.01 + service.requests * 0.01)
    assert "What the service was asked" in page
    assert f"{len(service.rows):,}" in page


def test_records_are_sampled_so_that_they_fit(service, audit):
    report = audit(service, limits={"rows": 150})
    assert report.target.members + report.target.non_members <= 120
    assert any("narrower" in notice.message for notice in report.warnings)
    assert len(service.rows) <= 150


def test_a_table_without_its_label_is_refused_before_a_row_is_asked(service, audit, tmp_path):
    _, members, non_members = small_forest()
    folder = tmp_path / "unlabelled"
    folder.mkdir()
    members.rename(columns={"label": "digit"}).to_csv(folder / "members.csv", index=False)
    non_members.rename(columns={"label": "digit"}).to_csv(folder / "non_members.csv", index=False)
    with pytest.raises(BadBundle) as caught:
        audit(service, given=folder)
    assert caught.value.code == "bad_bundle.no_label_column"
    assert service.rows == []
    assert audit(service, given=folder, overrides={**QUICK, "label_column": "digit"}).target.features == 64


def test_columns_of_the_settings_are_sent_in_their_order(service, audit):
    report = audit(service, columns=DIGITS, classes=list(range(10)))
    assert report.target.classes == tuple(map(str, range(10)))
    _, members, _ = small_forest()
    assert tuple(members[DIGITS].iloc[0]) in service.times_asked()


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"columns": ["pixel0", "elsewhere"]}, "bad_bundle.missing_columns"),
        ({"classes": [0, 1]}, "bad_bundle.unknown_labels"),
        ({"answers": "predictions"}, "bad_parameters.service_answers"),
    ],
)
def test_settings_that_do_not_fit_the_data_are_told(service, audit, settings, code):
    with pytest.raises(leakgauge.LeakgaugeError) as caught:
        audit(service, **settings)
    assert caught.value.code == code


def test_image_sets_are_not_sent_to_a_service(service, audit, tmp_path):
    folder = tmp_path / "sets"
    folder.mkdir()
    for name in ("training_images", "training_labels", "subject_images", "subject_labels"):
        np.save(folder / f"{name}.npy", np.zeros(30))
    with pytest.raises(BadBundle) as caught:
        audit(service, given=folder)
    assert caught.value.code == "bad_bundle.not_live"


def test_an_image_classifier_is_inverted_within_its_rows(audit, tmp_path):
    folder = tmp_path / "image"
    folder.mkdir()
    _, members, _ = small_forest()
    three = members[members["label"] == 3].iloc[0]
    np.save(folder / "input_image.npy", three[DIGITS].to_numpy(dtype=np.float32).reshape(8, 8))
    with serving(TensorFlowServing((-1, 8, 8)), answers_of_small_forest) as service:
        report = audit(
            service,
            given=folder,
            overrides={"class_to_attack": 3, "input_range": [0, 16], "seeds": 1, "iterations": 100},
            protocol="tensorflow-serving",
            model="forest",
            limits={"rows": 3_000},
        )
    by_name = {attack.name: attack.status for attack in report.attacks}
    assert sorted(by_name.values()) == ["measured", *["not_applicable"] * (len(by_name) - 1)]
    assert report.service.rows == len(service.rows) <= 3_000
    assert any(notice.code == "service_rows" for notice in report.warnings)


def command(*arguments):
    line = [sys.executable, "-m", "leakgauge", "audit", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120)


def test_the_command_line_asks_for_yes_where_nobody_can_answer(service, data, tmp_path):
    settings = tmp_path / "endpoint.yaml"
    settings.write_text(yaml.safe_dump({"protocol": "mlflow", "url": service.url, "cache": False}))
    refused = command("--endpoint", settings, data, "-o", tmp_path / "out")
    assert refused.returncode == 2
    assert "10,000 rows" in refused.stderr
    assert "--yes" in refused.stderr
    assert service.headers == []


def test_the_python_door_wants_to_be_told_that_it_is_meant(service, data, monkeypatch):
    endpoint = {"protocol": "mlflow", "url": service.url, "cache": False}
    endpoint |= {"credentials": [{"variable": "MODEL_TOKEN"}]}
    monkeypatch.setenv("MODEL_TOKEN", SECRET)
    with pytest.raises(BadParameters, match="not confirmed"):
        leakgauge.audit_endpoint(endpoint, data, progress=False)
    assert service.headers == []
    result = leakgauge.audit_endpoint(endpoint, data, confirmed=True, progress=False, **QUICK)
    assert isinstance(result, leakgauge.MembershipResult)
    assert result.service.rows == len(service.rows)
    assert service.headers[-1]["Authorization"] == SECRET
    assert SECRET not in result.to_html()
