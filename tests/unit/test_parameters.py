"""Parameters: what is taken, what is refused, and that all problems are told at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leakgauge.errors import BadParameters, JsonValue
from leakgauge.parameters import (
    MAX_BYTES,
    ImageMembershipParameters,
    InversionParameters,
    MembershipParameters,
    decode_hyperparameters,
    image_membership_parameters,
    inversion_parameters,
    membership_parameters,
)

Loader = Callable[..., MembershipParameters | InversionParameters]


def written(content: str | bytes, tmp_path: Path) -> Path:
    path = tmp_path / "stored"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def problems(load: Loader, overrides: dict[str, JsonValue], file: Path | None = None) -> dict[str, str]:
    with pytest.raises(BadParameters) as caught:
        load(file, overrides)
    assert caught.value.status == 422
    listed = caught.value.details["problems"]
    assert isinstance(listed, list)
    found: dict[str, str] = {}
    for problem in listed:
        assert isinstance(problem, dict)
        found.setdefault(str(problem["parameter"]), str(problem["message"]))
    return found


@pytest.mark.parametrize("name", sorted(ImageMembershipParameters.not_taken))
def test_what_does_nothing_in_an_audit_is_refused_there_even_if_default(name: str, tmp_path: Path) -> None:
    default = ImageMembershipParameters.model_fields[name].default
    text = json.dumps({name: default, "seed": "x"})
    found = problems(image_membership_parameters, {}, written(text, tmp_path))
    assert found[name].startswith("does nothing in this audit: ")
    assert "seed" in found
    assert problems(image_membership_parameters, {name: default}).keys() == {name}
    assert membership_parameters(None, {name: default}).model_dump()[name] == default


def test_a_name_that_is_not_taken_is_not_suggested_either() -> None:
    message = problems(image_membership_parameters, {"reference_model": 2})["reference_model"]
    assert "reference_models" not in message
    assert problems(membership_parameters, {"reference_model": 2})["reference_model"].endswith(
        "did you mean reference_models?"
    )


def test_defaults() -> None:
    membership = membership_parameters()
    assert membership.proportions == (10, 20, 30, 40, 50, 60, 70, 80, 90)
    assert (membership.label_column, membership.attacks, membership.header) == (None, None, "auto")
    assert (membership.max_records, membership.most_exposed, membership.seed) == (20_000, 20, 0)
    inversion = inversion_parameters()
    assert (inversion.initialization, inversion.seeds, inversion.resize) == ("grey", 3, False)
    assert inversion.class_to_attack is None


def test_the_parameters_of_todays_product(tmp_path: Path) -> None:
    file = written(
        '{"class_to_attack": 1, "learning_rate": 0.2, "iterations": [1000, 2000, 5000, 10000, 20000], '
        '"initialization": "white"}',
        tmp_path,
    )
    parameters = inversion_parameters(file)
    assert parameters.class_to_attack == (1,)
    assert parameters.learning_rate == 0.2
    assert parameters.iterations == (1_000, 2_000, 5_000, 10_000, 20_000)
    assert parameters.initialization == "white"


def test_overrides_win_and_the_rest_of_the_file_stays(tmp_path: Path) -> None:
    file = written(b'\xef\xbb\xbf{"seed": 1, "most_exposed": 5}', tmp_path)
    parameters = membership_parameters(file, {"seed": 2})
    assert (parameters.seed, parameters.most_exposed) == (2, 5)


def test_an_override_heals_a_wrong_value_in_the_file(tmp_path: Path) -> None:
    assert membership_parameters(written('{"seed": "x"}', tmp_path), {"seed": 2}).seed == 2


@pytest.mark.parametrize(
    ("load", "given", "name", "taken"),
    [
        (membership_parameters, [90, 10], "proportions", (10, 90)),
        (membership_parameters, 50, "proportions", (50,)),
        (membership_parameters, 90, "proportions", (90,)),
        (membership_parameters, "rmia", "attacks", ("rmia",)),
        (membership_parameters, ["loss", "gap"], "attacks", ("loss", "gap")),
        (membership_parameters, None, "attacks", None),
        (membership_parameters, 4, "label_column", "4"),
        (membership_parameters, True, "header", True),
        (membership_parameters, False, "header", False),
        (membership_parameters, 2**32 - 1, "seed", 2**32 - 1),
        (membership_parameters, 200, "max_records", 200),
        (membership_parameters, 0, "most_exposed", 0),
        (membership_parameters, 0, "reference_models", 0),
        (membership_parameters, 256, "reference_models", 256),
        (membership_parameters, None, "time_budget", None),
        (membership_parameters, 60, "time_budget", 60.0),
        (inversion_parameters, "all", "class_to_attack", "all"),
        (inversion_parameters, [3, 0], "class_to_attack", (3, 0)),
        (inversion_parameters, 1_000_000, "iterations", (1_000_000,)),
        (inversion_parameters, [5, 1], "iterations", (1, 5)),
        (inversion_parameters, 1, "learning_rate", 1.0),
        (inversion_parameters, 1e-9, "learning_rate", 1e-9),
        (inversion_parameters, "gray", "initialization", "grey"),
        (inversion_parameters, [-1, 1.5], "input_range", (-1.0, 1.5)),
        (inversion_parameters, "first", "channel_order", "first"),
        (inversion_parameters, 20, "seeds", 20),
    ],
)
def test_taken(load: Loader, given: JsonValue, name: str, taken: object) -> None:
    assert getattr(load(None, {name: given}), name) == taken


@pytest.mark.parametrize(
    ("load", "name", "given"),
    [
        *(
            (membership_parameters, "proportions", value)
            for value in ([], [0], [91], [10, 10], ["10"], [10.0], [True], "all", None, [[10]])
        ),
        *((membership_parameters, "seed", value) for value in (-1, 2**32, "0", 1.0, True, None)),
        *((membership_parameters, "header", value) for value in (1, 0, "yes", "true", None, [])),
        *((membership_parameters, "attacks", value) for value in ([], [""], ["a", "a"], [1], {}, "x" * 101)),
        *((membership_parameters, "label_column", value) for value in ("", True, 1.5, ["a"], "x" * 1_001)),
        *((membership_parameters, "max_records", value) for value in (199, 1_000_001, "1e4")),
        *((membership_parameters, "most_exposed", value) for value in (-1, 1_001)),
        *((membership_parameters, "reference_models", value) for value in (-2, 3, 258, "16", 16.0, None)),
        *((membership_parameters, "time_budget", value) for value in (0, -1, 86_401, "60", True)),
        *(
            (inversion_parameters, "class_to_attack", value)
            for value in (-1, [], [1, 1], "ALL", "1", [0, "1"], True, 1.0, {}, list(range(1_001)), ["all"])
        ),
        *(
            (inversion_parameters, "iterations", value)
            for value in (0, -1, 10**9, "1000", 1.5, [], [5, 5], list(range(1, 52)), None, True)
        ),
        *((inversion_parameters, "learning_rate", value) for value in (0, -0.1, 1.01, "0.2", True, [0.1])),
        *((inversion_parameters, "initialization", value) for value in ("White", "blue", 0, None, ["white"])),
        *(
            (inversion_parameters, "input_range", value)
            for value in ([1], [0, 1, 2], [1, 0], [0, 0], "01", ["0", "1"], 255, {"low": 0})
        ),
        *((inversion_parameters, "query_budget", value) for value in (0, -5, "many", 1.5)),
        *((inversion_parameters, "seeds", value) for value in (0, 21, "3")),
        *((inversion_parameters, "background", value) for value in ("white", [0], True)),
        *((inversion_parameters, "resize", value) for value in (1, 0, "true", None)),
        *((inversion_parameters, "channel_order", value) for value in ("middle", 1)),
    ],
)
def test_refused_by_name(load: Loader, name: str, given: JsonValue) -> None:
    found = problems(load, {name: given})
    assert list(found) == [name]
    assert "Value error" not in found[name]
    assert "tuple" not in found[name].lower()


def test_all_problems_at_once_over_file_and_overrides(tmp_path: Path) -> None:
    file = written('{"iterations": 0, "iteration": 5, "initialization": "blue", "zzz": 1}', tmp_path)
    found = problems(inversion_parameters, {"learning_rate": "abc"}, file)
    assert set(found) == {"iterations", "iteration", "initialization", "zzz", "learning_rate"}
    assert found["iteration"] == "is unknown; did you mean iterations?"
    assert "known are report, class_to_attack" in found["zzz"]


def test_the_place_in_a_list_is_named() -> None:
    assert problems(inversion_parameters, {"iterations": [1, 2, 0]})["iterations"].endswith("(entry 3)")


def test_values_are_never_repeated() -> None:
    with pytest.raises(BadParameters) as caught:
        membership_parameters(None, {"seed": "hunter2", "header": "hunter2", "proportions": ["hunter2"]})
    assert "hunter2" not in json.dumps(caught.value.body())


def test_background_has_to_lie_in_the_range() -> None:
    assert inversion_parameters(None, {"background": 1.0, "input_range": [0, 1]}).background == 1.0
    assert "parameters" in problems(inversion_parameters, {"background": 1.1, "input_range": [0, 1]})


def test_a_strange_unknown_name_is_escaped_and_shortened() -> None:
    (name,) = problems(membership_parameters, {"\x1b\ud800" + "x" * 10_000: 1})
    assert name.isprintable()
    assert len(name) < 100


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "not_json"),
        ("{", "not_json"),
        ("{'seed': 1}", "not_json"),
        ('{"seed": 1,}', "not_json"),
        ('{"seed": 1} {}', "not_json"),
        ("[]", "not_an_object"),
        ("1", "not_an_object"),
        ("null", "not_an_object"),
        ('{"seed": 1, "seed": 1}', "duplicate_key"),
        ('{"a": {"b": 1, "b": 2}}', "duplicate_key"),
        ('{"learning_rate": NaN}', "not_finite"),
        ('{"learning_rate": -Infinity}', "not_finite"),
        ('{"learning_rate": 1e999}', "not_finite"),
        ('{"seed": ' + "9" * 10_000 + "}", "not_finite"),
        ("[" * 200_000, "nested_too_deep"),
        ('{"a":' * 100_000, "nested_too_deep"),
        (b"\xff\xfe{\0}\0", "encoding"),
        (b'{"label_column": "\xe4"}', "encoding"),
        (b"{" + b" " * MAX_BYTES + b"}", "too_large"),
    ],
    ids=lambda value: repr(value[:20]),
)
def test_files_that_are_no_parameters(content: str | bytes, problem: str, tmp_path: Path) -> None:
    with pytest.raises(BadParameters) as caught:
        membership_parameters(written(content, tmp_path))
    assert caught.value.problem == problem
    assert caught.value.message.startswith("parameters.json ")
    assert caught.value.details["problems"]
    assert str(tmp_path) not in str(caught.value.body())


def test_a_syntax_error_is_located(tmp_path: Path) -> None:
    with pytest.raises(BadParameters) as caught:
        membership_parameters(written('{\n "seed": 1,\n "header": yes\n}', tmp_path))
    assert "line 3, column 12" in caught.value.message


def test_hyperparameters_are_decoded_where_they_are_json() -> None:
    decoded = decode_hyperparameters(
        {
            "learning_rate": "0.2",
            "iterations": "[1000, 2000]",
            "initialization": "white",
            "label_column": '"label"',
            "resize": "True",
            "query_budget": "None",
            "background": "NaN",
            "deep": "[" * 100_000,
            "twice": '{"a": 1, "a": 2}',
            "long": "9" * 10_000,
            "empty": "",
            "sagemaker_program": '"train.py"',
            "_tuning_objective_metric": "auc",
        }
    )
    assert decoded == {
        "learning_rate": 0.2,
        "iterations": [1000, 2000],
        "initialization": "white",
        "label_column": "label",
        "resize": True,
        "query_budget": None,
        "background": "NaN",
        "deep": "[" * 100_000,
        "twice": '{"a": 1, "a": 2}',
        "long": "9" * 10_000,
        "empty": "",
    }


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("seed", '"1"', 1),
        ("seed", json.dumps(json.dumps("1")), 1),
        ("proportions", '"[50, 90]"', [50, 90]),
        ("tradeoffs", '"false"', False),
        ("tradeoffs", '"False"', False),
        ("resize", '"True"', True),
        ("time_budget", '"null"', None),
        ("time_budget", '"None"', None),
        ("initialization", '"white"', "white"),
        ("initialization", json.dumps(json.dumps("white")), "white"),
        ("attacks", json.dumps('["gap", "loss"]'), ["gap", "loss"]),
        ("policy", json.dumps("{}"), {}),
        ("label_column", '"1"', "1"),
        ("label_column", json.dumps(json.dumps("1e3")), "1e3"),
        ("group_column", '"null"', "null"),
        ("label_column", "7", 7),
        ("seed", '"1', '"1'),
        ("seed", '""', ""),
        ("seed", '""1""', '""1""'),
        ("seed", '"NaN"', "NaN"),
        ("deep", '"' * 100_001, '"' * 100_001),
    ],
)
def test_what_an_sdk_has_put_into_quotes_is_decoded_again(name: str, text: str, value: object) -> None:
    assert decode_hyperparameters({name: text}) == {name: value}


def test_quoted_hyperparameters_make_the_same_parameters() -> None:
    plain = {"seed": "3", "proportions": "[50]", "tradeoffs": "false", "label_column": "y"}
    quoted = {name: json.dumps(text) for name, text in plain.items()}
    assert membership_parameters(None, decode_hyperparameters(quoted)) == membership_parameters(
        None, decode_hyperparameters(plain)
    )


@pytest.mark.parametrize("model", [MembershipParameters, InversionParameters])
def test_every_field_is_described_with_its_default(
    model: type[MembershipParameters] | type[InversionParameters],
) -> None:
    for field in model.model_fields.values():
        assert field.description
        assert "Default: " in field.description
        assert field.description.endswith(".")
    schema = model.model_json_schema()
    assert set(schema["properties"]) == set(model.model_fields)
    assert schema["additionalProperties"] is False


def test_parameters_survive_the_way_through_json_and_are_frozen() -> None:
    parameters = inversion_parameters(
        None, {"class_to_attack": "all", "input_range": [0, 1], "iterations": 7}
    )
    again = inversion_parameters(None, json.loads(parameters.model_dump_json()))
    assert again == parameters
    with pytest.raises(ValueError, match="frozen"):
        parameters.seed = 3  # type: ignore[misc]  # the very assignment that must fail


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from([*MembershipParameters.model_fields, *InversionParameters.model_fields]) | st.text(
    max_size=8
)


@settings(max_examples=200, derandomize=True, deadline=None)
@given(
    values=st.dictionaries(NAMES, VALUES, max_size=4),
    load=st.sampled_from([membership_parameters, inversion_parameters]),
)
def test_any_values_give_parameters_or_an_error_of_ours(values: dict[str, JsonValue], load: Loader) -> None:
    try:
        parameters = load(None, values)
    except BadParameters as error:
        listed = error.details["problems"]
    else:
        listed = [name for name in values if name in type(parameters).model_fields]
        assert len(listed) == len(values)
    assert listed or not values


def test_details_of_the_report_are_kept_as_they_are_sent() -> None:
    sent = {"title": "Audit 7", "author": "A. Reader", "date": "2026-05-04", "purpose": "release"}
    kept = membership_parameters(None, {"report": sent}).model_dump(mode="json")["report"]
    assert kept == {**sent, "model": None}
    assert membership_parameters(None, {}).report is None


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ({"date": "4 May"}, "report.date"),
        ({"date": "2026-02-30"}, "report.date"),
        ({"title": ""}, "report.title"),
        ({"title": "x" * 501}, "report.title"),
        ({"titel": "x"}, "report.titel"),
        ({"title": ["x"]}, "report.title"),
        ("Audit", "report"),
    ],
)
def test_details_that_do_not_fit_are_refused_by_name(sent: object, name: str) -> None:
    assert set(problems(membership_parameters, {"report": sent})) == {name}
