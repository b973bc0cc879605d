"""The page of an evaluation shows the gold and the predictions of every sentence."""

from pathlib import Path

from cman_jax.app.comparison import gold_record, write_comparison
from cman_jax.types import Annotation, Entity, Relation, Sentence
from tests.page.reader import Page

GOLD = Sentence(
    "9",
    ("Ann", "Lee", "left", "Oslo"),
    (Entity(0, 2, "Peop"), Entity(3, 4, "Loc")),
    (Relation(0, 1, "Live_In"),),
)


def test_gold_has_characters_and_no_probabilities() -> None:
    assert gold_record(GOLD) == {
        "id": "9",
        "text": "Ann Lee left Oslo",
        "entities": [
            {"type": "Peop", "start_char": 0, "end_char": 7},
            {"type": "Loc", "start_char": 13, "end_char": 17},
        ],
        "relations": [{"subject": 0, "object": 1, "type": "Live_In"}],
    }


def test_the_page_is_written_with_the_errors(tmp_path: Path) -> None:
    predicted = Annotation(GOLD.entities[:1], (), (0.5,), ())
    write_comparison(tmp_path / "pages" / "a.html", [GOLD], [predicted], "run: test")
    page = Page((tmp_path / "pages" / "a.html").read_bytes().decode())
    assert page.having("bdi")[0].text == "run: test"
    errors = [e for item in page.having("li", "missed") for e in page.inside(item, "bdi")]
    assert [e.text for e in errors] == ["Oslo [Loc]", "Ann Lee [Peop] → Live_In → Oslo [Loc]"]
