"""Precision, recall and F1 of entities and relations, under every convention at once.

Published numbers differ by convention more than by model, so `score` always computes all of them:

    match     strict: boundaries and entity type; both arguments of a relation strict, and its type.
              boundaries: spans alone, entity types ignored; a relation's own type must still match.
    average   micro: one count over all types.  macro: the mean over types (`Table.macro`).
    other     with or without the entity type "Other" (CoNLL04). Without: entities of that type, and
              relations with such an argument, leave the gold and the predictions before they are compared.

A gold fact or a prediction counts once, however often it is repeated; the direction of a relation matters.
All scores are percentages, 0 to 100.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from cman_jax.data.overlap import SpanRelation, drop_overlapping
from cman_jax.types import Annotation, Entity, Sentence

OTHER = "Other"
ANY = "(any)"  # the one entity type there is when entity types are ignored

Task = Literal["ner", "re"]
Match = Literal["strict", "boundaries"]
Average = Literal["micro", "macro"]
Overlap = Literal["keep", "drop"]


class MacroAverage(NamedTuple):
    """Precision, recall and F1 averaged over types, in %."""

    precision: float
    recall: float
    f1: float


class PRF(NamedTuple):
    """Counts of correct (tp), spurious (fp) and missed (fn) facts; scores in %, 0.0 where they are 0/0."""

    tp: int = 0
    fp: int = 0
    fn: int = 0

    @property
    def gold(self) -> int:
        """Facts that stand in the gold."""
        return self.tp + self.fn

    @property
    def predicted(self) -> int:
        """Facts that were predicted."""
        return self.tp + self.fp

    @property
    def precision(self) -> float:
        """Share of the predictions that are right; 0.0 when nothing was predicted."""
        return _percent(self.tp, self.predicted)

    @property
    def recall(self) -> float:
        """Share of the gold that was found; 0.0 when there is no gold."""
        return _percent(self.tp, self.gold)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, 2tp / (2tp + fp + fn); 0.0 when there is nothing at all."""
        return _percent(2 * self.tp, self.predicted + self.gold)


def _percent(part: int, whole: int) -> float:
    return 100.0 * part / whole if whole else 0.0


class Setting(NamedTuple):
    """What one table was counted under; `other` says that entities of type Other took part."""

    task: Task
    match: Match
    other: bool


class Table(NamedTuple):
    """Counts per type under one setting, in the order of the inventory."""

    per_type: Mapping[str, PRF]

    @property
    def micro(self) -> PRF:
        """The counts of all types together."""
        counts = self.per_type.values()
        return PRF(sum(c.tp for c in counts), sum(c.fp for c in counts), sum(c.fn for c in counts))

    @property
    def macro_types(self) -> tuple[str, ...]:
        """The types that the macro average is taken over: those that stand in the gold at least once."""
        return tuple(name for name, counts in self.per_type.items() if counts.gold)

    @property
    def macro(self) -> MacroAverage:
        """The mean over `macro_types` of each score; its F1 is the mean of F1s, not an F1 of means.

        A type absent from the gold has no recall, so it is left out; what was predicted of it costs
        precision in the micro average only. (scikit-learn, hence SpERT, counts a type that was predicted but
        has no gold as 0. The two agree whenever every predicted type stands in the gold.) With no gold
        at all the macro scores are 0.0. Boundaries NER knows one type only, so there macro = micro.
        """
        counts = [self.per_type[name] for name in self.macro_types]
        if not counts:
            return MacroAverage(0.0, 0.0, 0.0)
        size = len(counts)
        return MacroAverage(
            sum(c.precision for c in counts) / size,
            sum(c.recall for c in counts) / size,
            sum(c.f1 for c in counts) / size,
        )


class Scores(NamedTuple):
    """All tables of one evaluation, by `Setting`; `overlap` as given to `score`."""

    tables: Mapping[Setting, Table]
    overlap: Overlap
    sentences: int

    def table(self, task: Task, *, match: Match = "strict", other: bool = True) -> Table:
        """The counts under one setting."""
        return self.tables[Setting(task, match, other)]

    def f1(
        self, task: Task, *, match: Match = "strict", average: Average = "micro", other: bool = True
    ) -> float:
        """One F1 in %, e.g. for model selection."""
        table = self.table(task, match=match, other=other)
        return table.micro.f1 if average == "micro" else table.macro.f1

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready: `d["ner"]["strict"]["with_other"]["micro"]["f1"]`; beside it "macro" and "per_type"."""
        result: dict[str, Any] = {"unit": "percent", "overlap": self.overlap, "sentences": self.sentences}
        for (task, match, other), table in self.tables.items():
            by_match = result.setdefault(task, {}).setdefault(match, {})
            by_match["with_other" if other else "without_other"] = _table_dict(table)
        return result


def _table_dict(table: Table) -> dict[str, Any]:
    return {
        "micro": _prf_dict(table.micro),
        "macro": {**table.macro._asdict(), "types": list(table.macro_types)},
        "per_type": {name: _prf_dict(counts) for name, counts in table.per_type.items()},
    }


def _prf_dict(counts: PRF) -> dict[str, float | int]:
    return {"precision": counts.precision, "recall": counts.recall, "f1": counts.f1, **counts._asdict()}


class Facts(NamedTuple):
    """What is claimed of one sentence, freed of order, indices and duplicates: what can be compared."""

    entities: frozenset[Entity]
    relations: frozenset[SpanRelation]


def facts(annotated: Sentence | Annotation, overlap: Overlap = "keep") -> Facts:
    """The entities and relations of a sentence as sets; `overlap` as in `score`."""
    if overlap == "drop":
        kept = drop_overlapping(annotated)
        return Facts(frozenset(kept.entities), frozenset(kept.relations))
    entities = annotated.entities
    relations = (SpanRelation(entities[r.subject], entities[r.object], r.type) for r in annotated.relations)
    return Facts(frozenset(entities), frozenset(relations))


def score(
    gold: Sequence[Sentence],
    predicted: Sequence[Annotation],
    *,
    entity_types: Sequence[str],
    relation_types: Sequence[str],
    overlap: Overlap = "keep",
) -> Scores:
    """Compares predictions with the gold under every convention (see the module's docstring).

    Args:
      gold: the annotated sentences.
      predicted: one annotation a sentence, in the same order.
      entity_types: the inventory; fixes the rows of the tables. A corpus without "Other" gets the same
        scores with and without it.
      relation_types: the same for relations.
      overlap: "keep" compares what is there; "drop" applies SpERT's rule for ADE, `drop_overlapping`, to
        the gold and the predictions.

    Raises:
      ValueError: gold and predictions differ in number, or a type stands outside its inventory.
    """
    if len(gold) != len(predicted):
        raise ValueError(f"{len(gold)} gold sentences but {len(predicted)} predictions; one each is needed")
    for sentence, annotation in zip(gold, predicted, strict=True):
        _check_types(sentence, entity_types, relation_types, f"the gold of sentence {sentence.id}")
        _check_types(annotation, entity_types, relation_types, f"the prediction for sentence {sentence.id}")

    pairs = [(facts(g, overlap), facts(p, overlap)) for g, p in zip(gold, predicted, strict=True)]
    tables = {}
    for other in (True, False):
        kept = pairs if other else [(_drop_other(g), _drop_other(p)) for g, p in pairs]
        types = [name for name in entity_types if other or name != OTHER]
        tables[Setting("ner", "strict", other)] = _count(kept, _strict_entities, types)
        tables[Setting("ner", "boundaries", other)] = _count(kept, _spans, [ANY])
        tables[Setting("re", "strict", other)] = _count(kept, _strict_relations, relation_types)
        tables[Setting("re", "boundaries", other)] = _count(kept, _span_relations, relation_types)
    return Scores(tables, overlap, len(gold))


def _check_types(
    annotated: Sentence | Annotation, entity_types: Sequence[str], relation_types: Sequence[str], where: str
) -> None:
    for kind, those, inventory in (
        ("entity", annotated.entities, entity_types),
        ("relation", annotated.relations, relation_types),
    ):
        unknown = sorted({claim.type for claim in those} - set(inventory))
        if unknown:
            raise ValueError(f"{kind} type {unknown[0]!r} in {where}; expected one of {', '.join(inventory)}")


def _drop_other(claims: Facts) -> Facts:
    return Facts(
        frozenset(e for e in claims.entities if e.type != OTHER),
        frozenset(r for r in claims.relations if OTHER not in (r.subject.type, r.object.type)),
    )


# What has to be equal for a prediction to be right, as pairs of the type it is booked under and the rest.
Keys = set[tuple[str, tuple[int | str, ...]]]


def _strict_entities(claims: Facts) -> Keys:
    return {(e.type, (e.start, e.end)) for e in claims.entities}


def _spans(claims: Facts) -> Keys:
    return {(ANY, (e.start, e.end)) for e in claims.entities}


def _strict_relations(claims: Facts) -> Keys:
    return {(r.type, (*r.subject, *r.object)) for r in claims.relations}


def _span_relations(claims: Facts) -> Keys:
    return {(r.type, (*r.subject[:2], *r.object[:2])) for r in claims.relations}


def _count(
    pairs: Sequence[tuple[Facts, Facts]], keys_of: Callable[[Facts], Keys], types: Sequence[str]
) -> Table:
    correct, spurious, missed = Counter(), Counter(), Counter()
    for gold, predicted in pairs:
        wanted, found = keys_of(gold), keys_of(predicted)
        correct.update(name for name, _ in wanted & found)
        spurious.update(name for name, _ in found - wanted)
        missed.update(name for name, _ in wanted - found)
    return Table({name: PRF(correct[name], spurious[name], missed[name]) for name in types})
