"""What a service says of its model, which is a stranger's word as its answers are."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from brokered import audited_live
from service_faults import Says, redirected
from service_protocols import OpenInference, TensorFlowServing
from services import serving

from leakgauge.errors import LeakgaugeError

QUICK = {"attacks": ["gap"], "proportions": [50]}


pytestmark = pytest.mark.usefixtures("few_trees")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two tables of two columns."""
    folder, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    for name in ("members.csv", "non_members.csv"):
        cells = pd.DataFrame(rng.normal(size=(30, 2)), columns=["a", "b"])
        cells.assign(label=rng.integers(0, 2, 30)).to_csv(folder / name, index=False)
    return folder


def halves(rows):
    return np.full((len(rows), 2), 0.5)


def audited(name, document, data, *metadata_faults):
    """An audit of a service that says this of its model."""
    protocol = {"open-inference": OpenInference, "tensorflow-serving": TensorFlowServing}[name]()
    place = {"open-inference": "/v2/models/forest", "tensorflow-serving": "/v1/models/forest/metadata"}[name]
    protocol.documents = {place: document}
    with serving(protocol, halves) as service:
        service.metadata_faults = list(metadata_faults)
        found = audited_live(name, service, data, {}, **QUICK)
    assert len(service.rows) == 70  # ten of them twice
    return found


def refusal(*words):
    with pytest.raises(LeakgaugeError) as caught:
        audited(*words)
    assert len(json.dumps(caught.value.body())) < 20_000
    return caught.value


def inputs(*named):
    return json.dumps({"name": "forest", "inputs": named, "outputs": []})


def signature(**named):
    return json.dumps(
        {"metadata": {"signature_def": {"signature_def": {"serving_default": {"inputs": named}}}}}
    )


def tensor(shape, name="x", datatype="FP64"):
    return {"name": name, "datatype": datatype, "shape": shape}


def sized(*sizes):
    return {"dtype": "DT_FLOAT", "tensor_shape": {"dim": [{"size": each} for each in sizes]}}


TELLS_NOTHING = {
    "null": ("open-inference", "null"),
    "list": ("open-inference", "[]"),
    "inputs_of_another_type": ("open-inference", '{"inputs": {"x": 1}}'),
    "no_shape": ("open-inference", inputs({"name": "x", "datatype": "FP64"})),
    "shape_of_text": ("open-inference", inputs(tensor(["a", "b"]))),
    "shape_of_nothing": ("open-inference", inputs(tensor([]))),
    "unknown_width": ("open-inference", inputs(tensor([-1, -1]))),
    "below_zero": ("open-inference", inputs(tensor([-1, -64]))),
    "true": ("open-inference", inputs(tensor([True, True]))),
    "signature_of_another_type": ("tensorflow-serving", '{"metadata": {"signature_def": []}}'),
    "no_signature": ("tensorflow-serving", "{}"),
    "no_sizes": ("tensorflow-serving", signature(x={})),
    "sizes_of_text": ("tensorflow-serving", signature(x=sized("-1", "many"))),
    "sizes_of_nothing": ("tensorflow-serving", signature(x=sized())),
    "unknown_size": ("tensorflow-serving", signature(x=sized("-1", "-1"))),
}


@pytest.mark.parametrize("case", TELLS_NOTHING)
def test_what_tells_nothing_is_passed_over(case, data):
    audited(*TELLS_NOTHING[case], data)


WRONG = {
    "empty": ("open-inference", ""),
    "html": ("open-inference", "<html>"),
    "deep": ("open-inference", "[" * 100_000),
    "a_long_number": ("open-inference", '{"inputs": [' + "9" * 5_000 + "]}"),
    "wider": ("open-inference", inputs(tensor([-1, 65]))),
    "huge": ("open-inference", inputs(tensor([-1, 2**62]))),
    "other_columns": ("open-inference", inputs(tensor([-1, 1], "a"), tensor([-1, 1], "\x1b[2Jb"))),
    "long_names": ("open-inference", inputs(*(tensor([-1, 1], "c" * 100_000 + str(at)) for at in range(9)))),
    "many_columns": ("open-inference", inputs(*(tensor([-1, 1], f"c{at}") for at in range(20_000)))),
    "twice": ("open-inference", inputs(tensor([-1, 1], "a"), tensor([-1, 1], "a"))),
    "wider_signature": ("tensorflow-serving", signature(x=sized("-1", "65"))),
    "huge_signature": ("tensorflow-serving", signature(x=sized("-1", "9" * 3_000))),
    "other_columns_in_it": ("tensorflow-serving", signature(a=sized("-1"), c=sized("-1"))),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_is_refused(case, data):
    refusal(*WRONG[case], data)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Says(500), "service.error"),
        (Says(401), "bad_parameters.service_access"),
        (redirected("http://localhost:1/"), "bad_parameters.service_redirect"),
    ],
)
def test_a_service_that_does_not_say_is_told(fault, code, data):
    assert refusal("open-inference", inputs(), data, fault).code == code


@pytest.mark.parametrize("status", [404, 501])
def test_a_service_without_metadata_is_asked_all_the_same(status, data):
    audited("open-inference", inputs(), data, Says(status))
