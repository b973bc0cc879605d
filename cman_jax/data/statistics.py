"""What an annotated corpus contains: statistics, oddities, repeated sentences."""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from cman_jax.data.annotated import read_parts
from cman_jax.data.corpus import type_inventory
from cman_jax.data.formats.oddities import describe_oddities
from cman_jax.data.formats.registry import FORMATS
from cman_jax.data.formats.standoff import DEFAULT_LAYOUT, Layout
from cman_jax.data.overlap import SpanRelation, overlaps
from cman_jax.data.treebank import STRAIGHT
from cman_jax.errors import InputError
from cman_jax.types import Entity, Sentence


class Statistics(NamedTuple):
    """Counts of one split; lengths are in tokens, the types' counts are of entities and of relations."""

    sentences: int
    tokens: int
    shortest: int
    longest: int
    entity_types: Counter[str]
    relation_types: Counter[str]
    without_relation: int
    overlapping_pairs: int
    sentences_with_overlap: int
    colliding_cells: int
    duplicates: int
    typographic: int


def measure(sentences: Sequence[Sentence]) -> Statistics:
    """Computes the statistics of a split that has at least one sentence.

    `colliding_cells` counts relations whose cell (last token of the subject, last token of the object, type)
    an earlier relation of the sentence has already: a model that scores such cells cannot tell them apart.
    `duplicates` counts sentences whose tokens an earlier sentence has already, `typographic` tokens with
    characters that raw text loses to straight ones before a network reads it.
    """
    lengths = [len(sentence.tokens) for sentence in sentences]
    pairs = [_overlapping_pairs(sentence) for sentence in sentences]
    return Statistics(
        sentences=len(sentences),
        tokens=sum(lengths),
        shortest=min(lengths),
        longest=max(lengths),
        entity_types=Counter(entity.type for sentence in sentences for entity in sentence.entities),
        relation_types=Counter(relation.type for sentence in sentences for relation in sentence.relations),
        without_relation=sum(not sentence.relations for sentence in sentences),
        overlapping_pairs=sum(pairs),
        sentences_with_overlap=sum(count > 0 for count in pairs),
        colliding_cells=sum(_colliding_cells(sentence) for sentence in sentences),
        duplicates=len(sentences) - len({sentence.tokens for sentence in sentences}),
        typographic=sum(not STRAIGHT.keys().isdisjoint(token) for s in sentences for token in s.tokens),
    )


def _overlapping_pairs(sentence: Sentence) -> int:
    entities = sentence.entities
    return sum(overlaps(a, b) for index, a in enumerate(entities) for b in entities[:index])


def _colliding_cells(sentence: Sentence) -> int:
    ends = [entity.end for entity in sentence.entities]
    cells = {(ends[subject], ends[object_], name) for subject, object_, name in sentence.relations}
    return len(sentence.relations) - len(cells)


def shared_sentences(sentences: Iterable[Sentence], others: Iterable[Sentence]) -> int:
    """Counts the sentences that have the same tokens as one of the others."""
    known = {other.tokens for other in others}
    return sum(sentence.tokens in known for sentence in sentences)


def count_contradictions(sentences: Iterable[Sentence]) -> int:
    """Counts the token sequences that occur more than once with different annotations."""
    readings: dict[tuple[str, ...], set[tuple[frozenset[Entity], frozenset[SpanRelation]]]] = {}
    for sentence in sentences:
        entities = sentence.entities
        relations = (
            SpanRelation(entities[r.subject], entities[r.object], r.type) for r in sentence.relations
        )
        readings.setdefault(sentence.tokens, set()).add((frozenset(entities), frozenset(relations)))
    return sum(len(different) > 1 for different in readings.values())


def validate(
    data: str | Path, format: str = "auto", layout: Layout = DEFAULT_LAYOUT
) -> tuple[str, list[InputError | OSError]]:
    """Returns the report on a corpus of any format, and one error for each broken file.

    Args:
      data: a corpus as for `read_annotated`, or a folder of such corpora whose names begin with "fold_".
      format, layout: as for `read_annotated`.

    Raises:
      InputError: nothing is there that can be read.
    """
    root = Path(data)
    folds = sorted(root.glob("fold_*"), key=lambda path: (len(path.name), path.name)) if root.is_dir() else []
    corpora = [root] if not folds or any(root.glob("*.jsonl")) else []
    lines: list[str] = []
    errors: list[InputError | OSError] = []
    for corpus in [*corpora, *folds]:
        try:
            parts = read_parts(corpus, format, layout)
        except InputError as error:
            if corpus == root:
                raise
            errors.append(error)
            continue
        errors += parts.errors
        abouts = ", ".join(f"{name} ({FORMATS[name].about})" for name in sorted(parts.formats))
        lines += [f"{corpus}: {abouts or 'nothing that can be read'}", *(f"  {n}" for n in parts.notes)]
        splits = {split: reading.sentences for split, reading in parts.readings.items()}
        for split, sentences in splits.items():
            lines.append(f"  {split}: {_describe(measure(sentences))}")
        lines += [f"  {line}" for line in _across(splits)]
        if oddities := [oddity for reading in parts.readings.values() for oddity in reading.oddities]:
            lines += [f"  {line}" for line in describe_oddities(oddities).splitlines()]
    return "\n".join(lines), errors


def _describe(s: Statistics) -> str:
    """Returns the statistics of a split on three lines, and one line for each oddity."""
    mean = s.tokens / s.sentences
    lines = [
        f"{s.sentences} sentences, {s.tokens} tokens, length {s.shortest} / {mean:.1f} / {s.longest}",
        f"{s.entity_types.total()} entities: {_by_type(s.entity_types)}",
        f"{s.relation_types.total()} relations: {_by_type(s.relation_types)}",
    ]
    odd = {
        "sentences without a relation (the network learns from them where nothing is)": s.without_relation,
        f"pairs of overlapping entities in {s.sentences_with_overlap} sentences (training keeps the longest "
        "entity of a pair, and only relations between kept entities)": s.overlapping_pairs,
        "relations with the last tokens and the type of another one (the network cannot tell them apart)": (
            s.colliding_cells
        ),
        "sentences whose tokens an earlier one has (each is trained on)": s.duplicates,
        "tokens with typographic quotes or dashes (raw text to predict on gets straight ones)": s.typographic,
    }
    return "\n    ".join([*lines, *(f"odd: {count} {what}" for what, count in odd.items() if count)])


def _by_type(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none"


def _across(splits: Mapping[str, list[Sentence]]) -> Iterator[str]:
    """Yields the oddities between splits: types that train lacks, sentences and ids that two splits share."""
    train_entities, train_relations = type_inventory(splits.get("train", []))
    for split, sentences in splits.items():
        if split == "train" or "train" not in splits:
            continue
        entities, relations = type_inventory(sentences)
        if absent := sorted({*entities} - {*train_entities}) + sorted({*relations} - {*train_relations}):
            yield f"odd: {split} has types that train lacks, which cannot be learned: {', '.join(absent)}"
    for split, other in itertools.permutations(splits, 2):
        if shared := shared_sentences(splits[split], splits[other]):
            yield f"odd: {shared} {split} sentences are also in {other}, which makes scores too high"
    for split, other in itertools.combinations(splits, 2):
        if ids := {s.id for s in splits[split]} & {s.id for s in splits[other]}:
            yield f"odd: {len(ids)} ids are both in {split} and in {other}"
    if contradictions := count_contradictions(itertools.chain.from_iterable(splits.values())):
        yield f"odd: {contradictions} repeated sentences are annotated in different ways"
