"""Counts of what a corpus's splits contain, and of what a network cannot learn or predict."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from cman_jax.data.summary import Summaries, Summary
from cman_jax.data.vocab import Vocabs, coverage_line, vector_coverage


class SplitContents(NamedTuple):
    """The counts of one split.

    Attributes:
      sentences: number of sentences.
      entities: number of gold entities.
      relations: number of gold relations.
      entity_types: number of gold entities of each type.
      relation_types: number of gold relations of each type.
      overlapping_entities: entities that overlap a longer entity, which BIO tags cannot express.
      their_relations: relations with an overlapping entity as an argument.
      unknown_entities: number of the other entities whose type does not occur in the training examples, by
        type.
      unknown_relations: number of the other relations whose type does not occur there, by type.
    """

    sentences: int
    entities: int
    relations: int
    entity_types: dict[str, int]
    relation_types: dict[str, int]
    overlapping_entities: int
    their_relations: int
    unknown_entities: dict[str, int]
    unknown_relations: dict[str, int]


class Contents(NamedTuple):
    """The counts of all splits that a run reads.

    Attributes:
      trained: names of the splits that the network is trained on.
      splits: the counts of each split, by name.
      words: the number of distinct training tokens with a pretrained vector, and the number of distinct
        training tokens; None: word vectors are trained.
    """

    trained: tuple[str, ...]
    splits: dict[str, SplitContents]
    words: tuple[int, int] | None

    def as_dict(self) -> dict[str, Any]:
        """Returns the counts as nested dictionaries, ready for JSON."""
        return {**self._asdict(), "splits": {name: each._asdict() for name, each in self.splits.items()}}

    @classmethod
    def from_dict(cls, counts: Any) -> "Contents | None":
        """Returns the contents that `as_dict` returned; None for anything else, such as another version's."""
        try:
            splits = {name: SplitContents(**each) for name, each in counts["splits"].items()}
            words = counts["words"]
            return cls(tuple(counts["trained"]), splits, None if words is None else tuple(words))
        except (AttributeError, KeyError, TypeError):
            return None


def contents_of(summaries: Summaries, trained: Sequence[str], vocabs: Vocabs) -> Contents:
    """Counts what the splits contain.

    Args:
      summaries: the summary of each split, by name.
      trained: names of the splits that the network is trained on.
      vocabs: decide which tokens have a pretrained vector.
    """
    examples = [summaries[name] for name in trained]
    types = (
        {name for summary in examples for name in summary.kept_entity_types},
        {name for summary in examples for name in summary.kept_relation_types},
    )
    tokens = {token for summary in examples for token in summary.tokens} if vocabs.frozen_words else None
    words = None if tokens is None else vector_coverage(tokens, vocabs)
    splits = {name: _count(summary, *types) for name, summary in summaries.items()}
    return Contents(tuple(trained), splits, words)


def _count(summary: Summary, entity_types: Collection[str], relation_types: Collection[str]) -> SplitContents:
    """Returns the counts of one split.

    Args:
      summary: the summary of the split.
      entity_types: the entity types of the training examples.
      relation_types: the relation types of the training examples.
    """
    entities, relations = summary.entity_types.total(), summary.relation_types.total()
    return SplitContents(
        sentences=len(summary.lengths),
        entities=entities,
        relations=relations,
        entity_types=_without((), summary.entity_types),
        relation_types=_without((), summary.relation_types),
        overlapping_entities=entities - summary.kept_entity_types.total(),
        their_relations=relations - summary.kept_relation_types.total(),
        unknown_entities=_without(entity_types, summary.kept_entity_types),
        unknown_relations=_without(relation_types, summary.kept_relation_types),
    )


def _without(types: Collection[str], counts: Mapping[str, int]) -> dict[str, int]:
    """Returns the number of entities or relations of each other type, by name."""
    return {name: count for name, count in sorted(counts.items()) if name not in types}


def content_lines(contents: Contents) -> list[str]:
    """Returns what a person should know before the training.

    The first lines are about what each split contains. With pretrained vectors, the number of tokens with a
    vector follows. Then there is one line for each loss or absence.
    """
    lines = []
    for name, counts in contents.splits.items():
        entities = _counted(counts.entities, "entities", counts.entity_types)
        relations = _counted(counts.relations, "relations", counts.relation_types)
        lines.append(f"{name}: {counts.sentences} sentences, {entities}, {relations}")
    if contents.words is not None:
        lines.append(coverage_line(contents.words))
    for name, counts in contents.splits.items():
        trained = name in contents.trained
        if counts.overlapping_entities:
            lines.append(
                f"{name}: {counts.overlapping_entities} of {counts.entities} entities and "
                f"{counts.their_relations} of {counts.relations} relations "
                f"{'are not trained on' if trained else 'cannot be predicted'}: they overlap longer ones"
            )
        if not counts.entities:
            choice = "" if trained or name != "dev" else ", so the last epoch is kept instead of the best"
            lines.append(f"{name}: none of the {counts.sentences} sentences is annotated{choice}")
        elif name == "dev" and not counts.relations and contents.splits["train"].relations:
            lines.append("dev: no relation to score, so the best epoch is chosen by entities")
        for kind in ("entities", "relations"):
            if unknown := getattr(counts, f"unknown_{kind}"):
                lines.append(
                    f"{name}: {sum(unknown.values())} of {getattr(counts, kind)} {kind} are of types "
                    f"without an example in {' or '.join(contents.trained)}: "
                    f"{', '.join(f'{type_name} ({count})' for type_name, count in unknown.items())}"
                )
    return lines


def _counted(total: int, what: str, types: Mapping[str, int]) -> str:
    """Returns a number of entities or relations in words, with the number of each type."""
    by_type = ", ".join(f"{name} {count}" for name, count in types.items())
    return f"{total} {what} ({by_type})" if by_type else f"no {what}"
