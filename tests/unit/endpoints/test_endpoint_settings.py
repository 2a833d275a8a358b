"""Settings of live services as people write them, and as they must not be taken."""

from __future__ import annotations

import traceback

import pytest

from leakgauge.endpoints.credentials import secrets_of
from leakgauge.endpoints.plan import cost_of, described, requests_at_most, rows_at_most
from leakgauge.endpoints.protocols import PROTOCOLS
from leakgauge.endpoints.reading import read_endpoint
from leakgauge.errors import BadParameters

SECRET = "s3cr3t-value-0123456789"
LEAST = {
    "open-inference": {"url": "https://models.example.org", "model": "m"},
    "tensorflow-serving": {"url": "https://models.example.org", "model": "m"},
    "mlflow": {"url": "https://models.example.org"},
    "sagemaker": {"endpoint": "e"},
    "json": {"url": "https://models.example.org/x", "request": {"rows": "$rows"}, "answer": "scores"},
}


def service(protocol="mlflow", **settings):
    return read_endpoint({"protocol": protocol, **LEAST[protocol], **settings})


def refused(**settings):
    with pytest.raises(BadParameters) as caught:
        service(**settings)
    shown = "".join(traceback.format_exception(caught.value)) + str(caught.value.body())
    assert SECRET not in shown
    return caught.value


def test_every_row_of_the_table_has_its_least_settings_here():
    assert LEAST.keys() == PROTOCOLS.keys()


@pytest.mark.parametrize("protocol", LEAST)
def test_a_protocol_needs_no_more_than_its_place(protocol):
    found = service(protocol)
    assert found.limits.rows == 10_000
    assert found.requests.rows == 100
    assert found.address


@pytest.mark.parametrize("protocol", LEAST)
def test_the_identity_tells_apart_what_answers_differently(protocol):
    others = {
        "open-inference": [{"model": "n"}, {"version": "2"}, {"output": "p"}, {"url": "https://b.org"}],
        "tensorflow-serving": [{"model": "n"}, {"version": "2"}, {"output": "p"}, {"signature": "s"}],
        "mlflow": [{"url": "https://b.org"}, {"headers": {"X-Model": "b"}}],
        "sagemaker": [{"endpoint": "f"}, {"variant": "v"}, {"model": "m"}, {"region": "eu-west-1"}],
        "json": [{"request": {"rows": "$records"}}, {"answer": "other"}],
    }[protocol]
    found = {service(protocol, **each).identity for each in [{}, *others]}
    assert len(found) == len(others) + 1


@pytest.mark.parametrize(
    ("settings", "about"),
    [
        ({"headers": {"Authorization": SECRET}}, "headers"),
        ({"headers": {"x-api-key": SECRET}}, "headers"),
        ({"headers": {"Cookie": SECRET}}, "headers"),
        ({"headers": {"X-Amz-Signature": SECRET}}, "headers"),
        ({"credentials": [{"header": "Authorization", "value": SECRET}]}, "credentials"),
        ({"credentials": [{"token": SECRET}]}, "credentials"),
        ({"credentials": [{"variable": SECRET}]}, "credentials.variable"),
        ({"credentials": [{"variable": "MODEL_TOKEN", "prefix": f"Bearer {SECRET}"}]}, "credentials.prefix"),
        ({"url": f"https://user:{SECRET}@models.example.org"}, "url"),
        ({"url": f"https://models.example.org/?token={SECRET}"}, "url"),
        ({"url": f"https://models.example.org/?code={SECRET}"}, "url"),
        ({"url": f"https://models.example.org/#{SECRET}"}, "url"),
        ({"password": SECRET}, "password"),
    ],
)
def test_a_secret_in_the_settings_is_refused_and_not_repeated(settings, about):
    error = refused(**settings)
    assert error.code == "bad_parameters.endpoint"
    assert [each["parameter"] for each in error.details["problems"]] == [about]


def test_a_secret_in_a_template_is_refused():
    error = refused(protocol="json", request={"auth": {"api_key": SECRET}, "x": "$rows"})
    assert "environment variable" in error.message


@pytest.mark.parametrize(
    "settings",
    [
        {"url": "models.example.org"},
        {"url": "ftp://models.example.org"},
        {"url": "file:///etc/passwd"},
        {"url": "https://"},
        {"url": "https://models.example.org:99999"},
        {"url": "https://models.example.org/a b"},
        {"url": "https://models.example.org/\r\nX: y"},
        {"limits": {"rows": 0}},
        {"limits": {"rows": True}},
        {"limits": {"rows": "100"}},
        {"limits": {"cost": 5}},
        {"limits": {"cost": float("nan")}},
        {"limits": {"row": 5}},
        {"price": {"per_request": -1}},
        {"requests": {"timeout": 0}},
        {"requests": {"rows": 10**6}},
        {"headers": {"X-Team": "a\r\nHost: b"}},
        {"headers": {"X Team": "a"}},
        {"classes": ["a"]},
        {"image_shape": [28]},
        {"answers": "scores"},
        {"modle": "m"},
        {"protocol": "json", "request": {"rows": "none"}},
        {"protocol": "json", "request": {"a": "$rows", "b": "$row"}},
        {"protocol": "json", "answer": "scores["},
        {"protocol": "sagemaker", "headers": {"X-Team": "a"}},
        {"protocol": "sagemaker", "credentials": [{"variable": "TOKEN"}]},
    ],
)
def test_settings_that_do_not_fit_are_refused(settings):
    assert refused(**settings).code == "bad_parameters.endpoint"


@pytest.mark.parametrize("protocol", [None, 3, "mlfow", ["mlflow"], "x" * 1_000])
def test_a_protocol_that_is_not_known_is_refused(protocol):
    with pytest.raises(BadParameters) as caught:
        read_endpoint({"protocol": protocol, "url": "https://models.example.org"})
    assert caught.value.details["problems"][0]["parameter"] == "protocol"
    assert len(caught.value.message) < 300


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"protocol: mlflow\nurl: &a https://a.org\ncolumns: [*a]", "references"),
        (b"protocol: mlflow\nprotocol: json", "twice"),
        (b"- a\n- b", "names with values"),
        (b"\xff\xfe\x00", "not YAML"),
        (b"#" * 70_000, "64 KiB"),
    ],
)
def test_a_file_that_is_no_yaml_of_names_is_refused(text, words, tmp_path):
    file = tmp_path / "endpoint.yaml"
    file.write_bytes(text)
    with pytest.raises(BadParameters, match=words) as caught:
        read_endpoint(file)
    assert caught.value.code == "bad_parameters.endpoint_file"


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(BadParameters, match="No such file"):
        read_endpoint(tmp_path / "none.yaml")


CREDENTIAL = {"variable": "MODEL_TOKEN", "prefix": "Bearer "}


def test_a_secret_comes_from_the_environment_and_is_shown_nowhere():
    endpoint = service(credentials=[CREDENTIAL])
    found = secrets_of(endpoint, {"MODEL_TOKEN": SECRET})
    assert found["Authorization"] == f"Bearer {SECRET}"
    assert SECRET not in f"{found} {found!r} {[found]} {endpoint!r} {endpoint.identity}"


@pytest.mark.parametrize(
    ("credential", "environment"),
    [
        (CREDENTIAL, {}),
        (CREDENTIAL, {"MODEL_TOKEN": " "}),
        (CREDENTIAL, {"MODEL_TOKEN": f"{SECRET}\r\nHost: elsewhere"}),
        (CREDENTIAL, {"MODEL_TOKEN": f"{SECRET}é"}),
        # what is called so comes into the sandbox's environment
        ({"variable": "LEAKGAUGE_TOKEN"}, {"LEAKGAUGE_TOKEN": SECRET}),
        ({"variable": "PYTHONPATH"}, {"PYTHONPATH": SECRET}),
    ],
)
def test_a_variable_that_can_be_no_header_is_refused(credential, environment):
    with pytest.raises(BadParameters) as caught:
        secrets_of(service(credentials=[credential]), environment)
    assert caught.value.code == "bad_parameters.credentials"
    # the name is not told either: it may be the secret, written in the wrong place
    shown = str(caught.value.body())
    assert SECRET not in shown
    assert "MODEL_TOKEN" not in shown


PRICE = {"per_1000_rows": 2.0, "per_request": 0.1}


@pytest.mark.parametrize("cost", [0.05, 0.102, 0.3, 1.0, 7.3, 29.99, 30.0, 1e6])
def test_the_limit_on_cost_is_a_limit_on_rows(cost):
    endpoint = service(price=PRICE, limits={"rows": 10_000, "cost": cost})
    rows = rows_at_most(endpoint)
    assert 0 <= rows <= 10_000
    assert cost_of(endpoint, rows) <= cost
    assert rows == 10_000 or cost_of(endpoint, rows + 1) > cost


def test_requests_are_limited_by_what_rows_leave_of_the_cost():
    assert requests_at_most(service(price={"per_1000_rows": 1.0}, limits={"cost": 5})) is None
    assert requests_at_most(service(price=PRICE)) is None
    assert requests_at_most(service(price=PRICE, limits={"rows": 100, "cost": 1.2})) == 10


def test_the_plan_says_what_is_asked_and_what_it_costs():
    plan = described(service(price=PRICE, limits={"rows": 2_000, "cost": 3}), cache="/cache/a.sqlite")
    assert "https://models.example.org" in plan
    assert "3 USD" in plan
    assert "/cache/a.sqlite" in plan
    assert "no price" in described(service(), cache=None)
    assert "4.00 USD" in described(service(price={"per_1000_rows": 0.4}), cache=None)
