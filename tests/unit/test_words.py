"""The field's own words, and no others: in code, templates, documentation, README and listing."""

from __future__ import annotations

import pytest
import words

TO_DO = words.to_do()
COMMAND = "python tests/support/words.py"


@pytest.mark.parametrize("path", words.files(), ids=lambda path: path.relative_to(words.ROOT).as_posix())
def test_a_file_uses_the_words_of_the_field(path):
    found = words.hits_of(path)
    known = TO_DO.get(path.relative_to(words.ROOT).as_posix(), 0)
    shown = "; ".join(f"line {hit.line}: {hit.word}" for hit in found)
    assert len(found) <= known, f"{shown}. tests/support/words.py says what to write instead"
    assert len(found) == known, (
        f"fewer than before, well done: run `{COMMAND}`, so that they cannot come back"
    )


def test_the_list_of_what_is_to_do_names_no_file_that_is_gone():
    gone = [name for name in TO_DO if not (words.ROOT / name).is_file()]
    assert not gone, f"run `{COMMAND}`"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Members and subjects differ.", ["subjects"]),
        ("an outsider", ["outsider"]),
        ("PictureMembership picture_size", ["picture", "picture"]),
        ("The drawing was\ndrawn; it draws.", ["drawing", "drawn", "draws"]),
        ("on a white ground", ["ground"]),
        ("at 1 % False\nalarms", ["false alarms"]),
        ("accused", ["accused"]),
        ("found at 1 %, or found at 1 % false positives", ["found at 1 %"]),
        ("the Judge judges", ["judge", "judges"]),
        ("likeness_of likenesses", ["likeness", "likenesses"]),
        ("what it gives\naway", ["gives away"]),
        ("right on members", ["right on members"]),
    ],
)
def test_a_banned_word_is_found(text, found):
    assert [hit.word for hit in words.hits_in(text)] == found


def test_a_hit_knows_its_line():
    assert [hit.line for hit in words.hits_in("one\ntwo pictures\nan\noutsider")] == [2, 4]


@pytest.mark.parametrize(
    "text",
    [
        "background foreground groundwork",
        "subject/3/a.png, subject.csv, `subject_images.npy`",
        "ground truth; drawn at random",
        "draw_error, DrawError; point.likeness",
        "The judgement of recognised drawingsoftware",
        "told in prose",
        "https://example.org/pictures/drawing",
    ],
)
def test_other_words_are_left_alone(text):
    assert not list(words.hits_in(text))


def test_names_of_values_and_modules_are_read_too(tmp_path):
    module = tmp_path / "judges.py"
    module.write_text('"""It is told in prose."""\n\nanswers_told = heard = 1\n')
    assert [(hit.word, hit.line) for hit in words.hits_of(module)] == [
        ("answers_told", 3),
        ("heard", 3),
        ("judges", 0),
    ]


def test_an_image_of_the_report_is_not_to_do():
    """The rooms that are clean stay so: report, gate, templates, README and the pages written by hand."""
    clean = (
        "src/leakgauge/report/",
        "README.md",
        "docs/reading-a-report.md",
        "docs/policy.md",
        "marketplace-listing/",
    )
    assert not [name for name in TO_DO if name.startswith(clean)]
