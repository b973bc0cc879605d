"""Precision, recall and F1 of entities and relations, under every convention at once.

Published numbers differ by convention more than by model, so `score` always computes all of them:

    match     strict: boundaries and entity type; both arguments of a relation strict, and its type.
              boundaries: spans only, entity types ignored; a relation's own type must still match.
    average   micro: one count over all types.  macro: the mean over types (`Table.macro`).
    other     with or without the entity type "Other" (CoNLL04). Without: entities of that type, and
              relations with such an argument, leave the gold and the predictions before they are compared.

A gold fact or a prediction counts once, however often it is repeated. The direction of a relation matters.
All scores are percentages, 0 to 100.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, get_args

from cman_jax.config import ScoringConfig
from cman_jax.data.vocab import Vocabs
from cman_jax.evaluation.facts import Match, Overlap, Setting, Task, count_sentences, pair_up, scored_types
from cman_jax.types import Annotation, Sentence

Average = Literal["micro", "macro"]


class MacroAverage(NamedTuple):
    """Precision, recall and F1 averaged over types, in %.

    Attributes:
      precision: the mean of the types' precisions.
      recall: the mean of their recalls.
      f1: the mean of their F1s.
    """

    precision: float
    recall: float
    f1: float


class PRF(NamedTuple):
    """Counts of facts, and the scores that follow from them in %; a score that would be 0/0 is 0.0.

    Attributes:
      tp: number of correct facts.
      fp: number of spurious facts.
      fn: number of missed facts.
    """

    tp: int = 0
    fp: int = 0
    fn: int = 0

    @property
    def gold(self) -> int:
        """Returns the number of facts in the gold."""
        return self.tp + self.fn

    @property
    def predicted(self) -> int:
        """Returns the number of predicted facts."""
        return self.tp + self.fp

    @property
    def precision(self) -> float:
        """Returns the share of the predictions that are right, in %; 0.0 if nothing was predicted."""
        return _percent(self.tp, self.predicted)

    @property
    def recall(self) -> float:
        """Returns the share of the gold that was found, in %; 0.0 if the gold is empty."""
        return _percent(self.tp, self.gold)

    @property
    def f1(self) -> float:
        """Returns the harmonic mean of precision and recall in %, 2tp / (2tp + fp + fn).

        It is 0.0 if there are neither gold facts nor predictions.
        """
        return _percent(2 * self.tp, self.predicted + self.gold)


def _percent(part: int, whole: int) -> float:
    """Returns a share in %; 0.0 for an empty whole."""
    return 100.0 * part / whole if whole else 0.0


class Table(NamedTuple):
    """The counts of each type under one setting, in the order of the inventory.

    Attributes:
      per_type: the counts by type.
    """

    per_type: Mapping[str, PRF]

    @property
    def micro(self) -> PRF:
        """Returns the counts of all types together."""
        counts = self.per_type.values()
        return PRF(sum(c.tp for c in counts), sum(c.fp for c in counts), sum(c.fn for c in counts))

    @property
    def macro_types(self) -> tuple[str, ...]:
        """Returns the types with at least one gold fact, which the macro average covers."""
        return tuple(name for name, counts in self.per_type.items() if counts.gold)

    @property
    def macro(self) -> MacroAverage:
        """Returns the mean over `macro_types` of each score; its F1 is the mean of F1s, not an F1 of means.

        A type without gold facts has no recall, so it is left out. Predictions of such a type only lower the
        precision of the micro average. (scikit-learn, hence SpERT, counts a type that was predicted but has
        no gold facts as 0. The two agree if every predicted type has gold facts.) If the gold is empty, the
        macro scores are 0.0. NER by boundaries has only one type, so macro equals micro there.
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
    """All tables of one evaluation.

    Attributes:
      tables: the tables by `Setting`.
      overlap: the rule for overlapping entities, as passed to `score`.
      sentences: number of sentences.
    """

    tables: Mapping[Setting, Table]
    overlap: Overlap
    sentences: int

    def table(self, task: Task, *, match: Match = "strict", other: bool = True) -> Table:
        """Returns the counts under one setting.

        Args:
          task: "ner" or "re".
          match: "strict", or "boundaries" to ignore entity types.
          other: whether entities of type Other count.
        """
        return self.tables[Setting(task, match, other)]

    def f1(
        self, task: Task, *, match: Match = "strict", average: Average = "micro", other: bool = True
    ) -> float:
        """Returns one F1 in %, for example for model selection.

        Args:
          task, match, other: as for `table`.
          average: "micro" over all facts, or "macro" over types.
        """
        table = self.table(task, match=match, other=other)
        return table.micro.f1 if average == "micro" else table.macro.f1

    def as_dict(self) -> dict[str, Any]:
        """Returns the scores ready for JSON.

        `d["ner"]["strict"]["with_other"]["micro"]["f1"]` is an F1; "macro" and "per_type" stand beside
        "micro".
        """
        result: dict[str, Any] = {"unit": "percent", "overlap": self.overlap, "sentences": self.sentences}
        for (task, match, other), table in self.tables.items():
            by_match = result.setdefault(task, {}).setdefault(match, {})
            by_match["with_other" if other else "without_other"] = _table_dict(table)
        return result


def _table_dict(table: Table) -> dict[str, Any]:
    """Returns a table ready for JSON."""
    return {
        "micro": _prf_dict(table.micro),
        "macro": {**table.macro._asdict(), "types": list(table.macro_types)},
        "per_type": {name: _prf_dict(counts) for name, counts in table.per_type.items()},
    }


def _prf_dict(counts: PRF) -> dict[str, float | int]:
    """Returns scores and counts ready for JSON."""
    return {"precision": counts.precision, "recall": counts.recall, "f1": counts.f1, **counts._asdict()}


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
      predicted: one annotation per sentence, in the same order.
      entity_types: all entity types, which fix the rows of the tables. A corpus without "Other" has the same
        scores with and without it.
      relation_types: all relation types.
      overlap: "keep" compares the annotations as they are. "drop" applies SpERT's rule for ADE,
        `drop_overlapping`, to the gold and the predictions.

    Raises:
      ValueError: gold and predictions differ in number.
      InputError: a type is not among the entity types or relation types.
    """
    pairs = pair_up(
        gold, predicted, entity_types=entity_types, relation_types=relation_types, overlap=overlap
    )
    tables = {}
    for task, match, other in itertools.product(*map(get_args, (Task, Match)), (True, False)):
        setting = Setting(task, match, other)
        types = scored_types(setting, entity_types, relation_types)
        counts = count_sentences(pairs, setting, types).sum(0)
        tables[setting] = Table(dict(zip(types, itertools.starmap(PRF, counts.tolist()), strict=True)))
    return Scores(tables, overlap, len(gold))


def score_annotations(
    gold: Sequence[Sentence], annotations: Sequence[Annotation], vocabs: Vocabs, config: ScoringConfig
) -> Scores:
    """Scores a system's annotations under every convention.

    Args:
      gold: the annotated sentences.
      annotations: one annotation per sentence, in the same order.
      vocabs: the system's vocabularies, which contain its types.
      config: contains the rule for overlapping entities.

    Raises:
      ValueError, InputError: as in `score`.
    """
    return score(
        gold,
        annotations,
        entity_types=vocabs.entity_types,
        relation_types=vocabs.relation_types,
        overlap=config.overlap,
    )
