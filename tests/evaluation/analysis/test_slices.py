"""Tests of slices: two sentences counted by hand, and the sizes of the paper's slices of CoNLL04."""

from pathlib import Path

import numpy as np

from cman_jax.evaluation.analysis.slices import (
    DISTANCES,
    Comparison,
    Slice,
    by_distance,
    by_length,
    by_novelty,
    by_relation_type,
    compare,
    everything,
    ranges,
)
from cman_jax.evaluation.facts import Match
from cman_jax.evaluation.metrics import score
from cman_jax.types import Annotation, Entity, Relation, Sentence
from data_prep.conll04 import read_split

TYPES = {
    "entity_types": ("Peop", "Org", "Loc", "Other"),
    "relation_types": ("Work_For", "Live_In", "OrgBased_In"),
}
ANN, ACME, RIGA = Entity(0, 2, "Peop"), Entity(4, 5, "Org"), Entity(6, 7, "Loc")
BO, OSLO = Entity(0, 1, "Peop"), Entity(2, 3, "Loc")
# Offsets of the last characters of Ann Lee, Acme, Riga: 6, 21, 29; of Bo and Oslo: 1, 11.
GOLD = [
    Sentence(
        "long",
        ("Ann", "Lee", "works", "for", "Acme", "in", "Riga", "."),
        (ANN, ACME, RIGA),
        (Relation(0, 1, "Work_For"), Relation(0, 2, "Live_In")),  # distances 15 and 23
    ),
    Sentence("short", ("Bo", "left", "Oslo"), (BO, OSLO), (Relation(0, 1, "Live_In"),)),  # distance 10
]
PREDICTED = [
    # Riga's type is wrong, and so is a relation that begins with it, at distance 8; Live_In is missed.
    Annotation(
        (ANN, ACME, RIGA._replace(type="Org")), (Relation(0, 1, "Work_For"), Relation(2, 1, "OrgBased_In"))
    ),
    Annotation((BO, OSLO), (Relation(0, 1, "Live_In"),)),
]


def comparison(match: Match = "strict", other: bool = True) -> Comparison:
    """Returns the comparison of the two sentences."""
    return compare(GOLD, PREDICTED, **TYPES, match=match, other=other)


def micro(part: Slice) -> dict[str, tuple[int, ...]]:
    """Returns the counts of a slice by task, over all sentences and types."""
    return {task: tuple(counts.sum((0, 1)).tolist()) for task, counts in part.items()}


def gold_relations(part: Slice) -> int:
    """Returns the number of gold relations in a slice."""
    return int(part["re"][..., [0, 2]].sum())


def test_the_ranges_of_the_paper_contain_every_number_once() -> None:
    tiling = ranges(0, 10, 20)
    assert [r.name for r in tiling] == ["0-9", "10-19", ">=20"]
    assert all(sum(n in r for r in tiling) == 1 for n in range(100))
    assert [r.name for r in DISTANCES if 20 in r] == [">=20"]
    assert [r.name for r in DISTANCES if 21 in r] == [">=20", ">20"]


def test_distance_lies_between_last_characters_and_wrong_relations_count_by_their_own() -> None:
    found = {name: micro(part) for name, part in by_distance(comparison()).items()}
    assert found == {
        "0-9": {"ner": (1, 1, 1), "re": (0, 1, 0)},  # Acme is right, Riga is not
        "10-19": {"ner": (4, 0, 0), "re": (2, 0, 0)},
        ">=20": {"ner": (1, 1, 1), "re": (0, 0, 1)},  # Ann is right although the relation was missed
        ">20": {"ner": (1, 1, 1), "re": (0, 0, 1)},
    }
    exact = by_distance(comparison(), ranges(15, 16))
    assert micro(exact["15-15"])["re"] == (1, 0, 0)


def test_length_is_in_tokens_and_parts_add_up_to_the_whole() -> None:
    parts = by_length(comparison(), ranges(0, 3, 8))
    assert [len(part["re"]) for part in parts.values()] == [0, 1, 1]
    assert micro(parts["3-7"]) == {"ner": (2, 0, 0), "re": (1, 0, 0)}
    assert micro(parts[">=8"]) == {"ner": (2, 1, 1), "re": (1, 1, 1)}
    for way in (parts, by_novelty(comparison(), GOLD[:1])):
        for task, counts in everything(comparison()).items():
            assert sum(part[task].sum(0) for part in way.values()).tolist() == counts.sum(0).tolist()
    relations = sum(part["re"].sum(0) for part in by_distance(comparison(), ranges(0, 10, 20)).values())
    assert relations.tolist() == everything(comparison())["re"].sum(0).tolist()


def test_counts_are_those_of_the_scores_under_every_convention() -> None:
    scores = score(GOLD, PREDICTED, **TYPES)
    for setting, table in scores.tables.items():
        compared = comparison(setting.match, setting.other)
        counts = everything(compared)[setting.task].sum(0)
        assert dict(zip(compared.types[setting.task], map(tuple, counts.tolist()), strict=True)) == {
            name: tuple(counted) for name, counted in table.per_type.items()
        }


def test_without_other_a_relation_of_an_other_makes_no_entity_near() -> None:
    gold = [GOLD[1]._replace(entities=(BO, OSLO._replace(type="Other")))]
    copied = [Annotation(s.entities, s.relations) for s in gold]
    near = {o: by_distance(compare(gold, copied, **TYPES, other=o))["10-19"] for o in (True, False)}
    assert micro(near[True]) == {"ner": (2, 0, 0), "re": (1, 0, 0)}
    assert micro(near[False]) == {"ner": (0, 0, 0), "re": (0, 0, 0)}


def test_types_of_relations() -> None:
    parts = by_relation_type(comparison())
    assert {name: micro(part) for name, part in parts.items()} == {
        "Work_For": {"re": (1, 0, 0)},
        "Live_In": {"re": (1, 0, 1)},
        "OrgBased_In": {"re": (0, 1, 0)},
    }


def test_a_sentence_is_known_by_its_tokens_only() -> None:
    parts = by_novelty(comparison(), [Sentence("elsewhere", GOLD[1].tokens)])
    np.testing.assert_array_equal(
        parts["also in train"]["re"], by_length(comparison(), ranges(3, 4))["3-3"]["re"]
    )
    assert len(parts["not in train"]["re"]) == 1


def test_the_slices_of_conll04_have_the_sizes_of_the_paper(shared_data: Path) -> None:
    train, dev, test = (
        read_split(shared_data / "conll04" / "bekoulis", "bekoulis", split)[0]
        for split in ("train", "dev", "test")
    )
    types = {
        "entity_types": ("Loc", "Org", "Peop", "Other"),
        "relation_types": ("Kill", "Live_In", "Located_In", "OrgBased_In", "Work_For"),
    }
    found = {len(gold): compare(gold, [Annotation((), ())] * len(gold), **types) for gold in (dev, test)}
    assert [gold_relations(part) for part in by_distance(found[243]).values()] == [45, 81, 227, 223]
    assert [len(part["re"]) for part in by_length(found[243]).values()] == [75, 90, 58, 20]
    assert [len(part["re"]) for part in by_novelty(found[288], train).values()] == [267, 21]
