"""The documentation site: its links, its tutorials, and that nothing is left out of it."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import logging
import re
import tomllib
from pathlib import Path

import pytest
import yaml

import leakgauge
from leakgauge.inversion.attacks import ATTACKS
from leakgauge.policy import policy_of

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md"))


def module(name):
    spec = importlib.util.spec_from_file_location(f"site_{name}", DOCS / "site" / f"{name}.py")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


links, check = module("links"), module("check")


def blocks(language):
    """(page, code) of every fenced block of a language."""
    for page in PAGES:
        for code in re.findall(rf"^```{language}\n(.*?)^```$", (DOCS / page).read_text(), flags=re.M | re.S):
            yield page, code


@pytest.mark.parametrize(
    ("page", "link", "expected"),
    [
        ("docs/attacks.md", "policy.md", "policy.md"),
        ("docs/attacks.md", "policy.md#the-file", "policy.md#the-file"),
        ("docs/tutorials/notebook.md", "../policy.md", "../policy.md"),
        ("docs/operating.md", "../SECURITY.md#reporting", "project/security.md#reporting"),
        ("docs/attacks.md", "../src/leakgauge/api.py", f"{links.REPOSITORY}/blob/main/src/leakgauge/api.py"),
        ("docs/attacks.md", "../benchmarks", f"{links.REPOSITORY}/tree/main/benchmarks"),
        ("docs/attacks.md", "#somewhere", "#somewhere"),
        ("docs/attacks.md", "https://example.org/a", "https://example.org/a"),
    ],
)
def test_a_link_of_the_repository_becomes_one_of_the_site(page, link, expected):
    assert links.rewritten(f"see [it]({link}).", source=page, page=page) == f"see [it]({expected})."


def test_an_included_file_has_the_links_of_its_own_place():
    text = links.rewritten(
        "[a](docs/policy.md) [b](SECURITY.md)", source="CHANGELOG.md", page="docs/project/changelog.md"
    )
    assert text == "[a](../policy.md) [b](security.md)"


@pytest.mark.parametrize("code", ["`[a](nowhere.md)`", "    [a](nowhere.md)", "```\n[a](nowhere.md)\n```"])
def test_links_in_code_stay_as_they_are(code, caplog):
    assert links.rewritten(code, source="docs/attacks.md", page="docs/attacks.md") == code
    assert not caplog.records


@pytest.mark.parametrize("target", ["nowhere.md", "../src/leakgauge/nowhere.py", "../../outside.md"])
def test_a_link_to_nothing_is_a_warning(target, caplog):
    with caplog.at_level(logging.WARNING):
        links.rewritten(f"[a]({target})", source="docs/attacks.md", page="docs/attacks.md")
    assert target in caplog.text


SOUND = {
    "index.html": """<h1 id="top">A</h1><a href="b/">b</a> <a href="b/#part">b</a> <a href="#top">up</a>
        <a href="https://example.org/x">out</a> <a href="mailto:a@example.org">m</a>
        <img src="a.png"> <img src="data:image/png;base64,AA=="> <link rel="canonical" href="https://a.org/">""",
    "b/index.html": '<h2 id="part">B</h2><a href="../index.html">up</a><link rel="icon" href="../a.png">',
    "a.css": "p { background: url(a.png) }",
    "a.png": "",
}


def built(folder, **changes):
    for name, text in (SOUND | changes).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return check.problems(folder)


def test_a_sound_site_has_no_problem(tmp_path):
    assert built(tmp_path) == []


@pytest.mark.parametrize(
    ("page", "told"),
    [
        ('<a href="nowhere.html">a</a>', "leads nowhere"),
        ('<a href="../../etc/passwd">a</a>', "leads nowhere"),
        ('<a href="b/#other">a</a>', "anchor"),
        ('<a href="#other">a</a>', "anchor"),
        ('<img src="missing.png">', "leads nowhere"),
        ('<img srcset="a.png 1x, missing.png 2x">', "leads nowhere"),
        ('<script src="https://example.org/a.js"></script>', "from outside"),
        ('<script src="//example.org/a.js"></script>', "from outside"),
        ('<link rel="stylesheet" href="https://fonts.example.org/css">', "from outside"),
        ('<link rel="preconnect" href="https://fonts.example.org">', "from outside"),
        ('<p style="background: url(https://example.org/a.png)">', "from outside"),
        ('<a href="http://example.org">a</a>', "not https"),
        ('<a href="https://nowhere">a</a>', "no address"),
        ('<a href="https:///path">a</a>', "no address"),
    ],
)
def test_what_is_wrong_is_found(page, told, tmp_path):
    (problem,) = built(tmp_path, **{"index.html": page})
    assert problem.startswith("index.html")
    assert told in problem


def test_a_style_sheet_that_loads_from_outside_is_found(tmp_path):
    assert "from outside" in "".join(built(tmp_path, **{"a.css": "@import 'https://example.org/a.css';"}))


def test_a_folder_without_pages_is_no_site(tmp_path):
    assert check.problems(tmp_path)


@pytest.mark.parametrize(("page", "code"), list(blocks("python")), ids=lambda value: value[:30])
def test_the_python_of_a_page_is_python_and_names_what_there_is(page, code):
    tree = ast.parse(code)
    named = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "leakgauge"
    }
    assert named <= set(leakgauge.__all__)


def test_the_tutorials_policy_is_one():
    (code,) = (code for page, code in blocks("yaml") if page == "tutorials/gate-in-ci.md")
    assert policy_of(code.encode()).membership.max_accuracy == 0.65
    assert yaml.safe_load(code)


def test_every_inversion_attack_has_its_paragraph_and_its_row():
    page = (DOCS / "inversion-attacks.md").read_text()
    for attack in ATTACKS:
        for place in (f"\n**`{attack.name}`**:", f"\n| `{attack.name}` | "):
            assert place in page, f"docs/inversion-attacks.md lacks {place.strip()}"


def test_every_public_name_stands_in_the_reference():
    reference = "".join(page.read_text() for page in (DOCS / "reference").glob("*.md"))
    listed = set(re.findall(r"^\.\. (?:auto)?(?:function|class|data):: (\w+)$", reference, flags=re.M))
    assert listed == set(leakgauge.__all__)


@pytest.mark.parametrize(
    "name", ["audit", "audit_answers", "audit_images", "compare", "compare_defence", "gate"]
)
def test_every_parameter_of_a_public_function_has_its_entry(name):
    function = getattr(leakgauge, name)
    section = inspect.getdoc(function).partition("Parameters\n----------\n")[2].partition("\n\n")[0]
    entries = [line for line in section.splitlines() if not line.startswith(" ")]
    assert all(re.fullmatch(r"\w+(, \w+)*( : .+)?", entry) for entry in entries), "not as numpydoc has it"
    named = [name for entry in entries for name in entry.partition(" : ")[0].split(", ")]
    assert sorted(named) == sorted(inspect.signature(function).parameters)


def test_every_public_class_and_method_is_documented():
    for name in leakgauge.__all__:
        found = getattr(leakgauge, name)
        if inspect.isclass(found):
            assert found.__doc__, name
            for method, value in vars(found).items():
                assert method.startswith("_") or not callable(value) or value.__doc__, f"{name}.{method}"


def test_every_page_is_in_the_navigation():
    listed = set(re.findall(r"^([\w/-]+)$", (DOCS / "index.md").read_text(), flags=re.M))
    assert {page.removesuffix(".md") for page in PAGES} - listed == {"index"}


def test_the_site_and_the_package_name_one_repository():
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]
    assert urls["Source"] == links.REPOSITORY
    assert urls["Documentation"] in (DOCS / "site" / "conf.py").read_text()
