"""Tests that one pass counts what the sentences contain, and which digest they have."""

import hashlib
import json

from cman_jax.data.corpus import to_json
from cman_jax.data.summary import digest_of, summarise
from cman_jax.types import Entity, Relation, Sentence
from tests.builders import SENTENCES

NESTED = Sentence(
    "n",
    ("Ann", "of", "Acme", "Oslo"),
    (Entity(0, 1, "Peop"), Entity(2, 4, "Org"), Entity(3, 4, "Loc")),
    (Relation(0, 1, "Work_For"), Relation(0, 2, "Live_In"), Relation(1, 0, "Work_For")),
)


def test_everything_is_counted_once() -> None:
    summary = summarise(iter([NESTED, *SENTENCES]))
    assert summary.lengths.tolist() == [4, 6, 3, 5, 1]
    assert summary.tokens["of"] == summary.tokens["London"] == summary.tokens["Acme"] == 2
    assert summary.tokens.total() == 19
    assert summary.entity_types == {"Peop": 3, "Org": 2, "Loc": 3}
    assert summary.kept_entity_types == {"Peop": 3, "Org": 2, "Loc": 2}
    assert summary.relation_types == {"Work_For": 3, "Live_In": 3, "OrgBased_In": 1}
    assert summary.kept_relation_types == {"Work_For": 3, "Live_In": 2, "OrgBased_In": 1}
    assert summary.arguments == {
        "Live_In": {("Peop", "Loc")},
        "OrgBased_In": {("Org", "Loc")},
        "Work_For": {("Peop", "Org"), ("Org", "Peop")},
    }


def test_the_digest_is_that_of_the_lines_of_json() -> None:
    lines = "\n".join(json.dumps(to_json(sentence)) for sentence in SENTENCES)
    expected = hashlib.sha256(lines.encode()).hexdigest()
    assert summarise(SENTENCES).digest == digest_of(SENTENCES) == expected
    assert digest_of([]) == hashlib.sha256().hexdigest()


def test_no_sentence_has_an_empty_summary() -> None:
    summary = summarise([])
    assert (len(summary.lengths), summary.tokens, summary.arguments) == (0, {}, {})
