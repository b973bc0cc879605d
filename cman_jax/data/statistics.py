"""What an annotated corpus contains: statistics, oddities, repeated sentences."""

import hashlib
import itertools
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from cman_jax.config import DataConfig
from cman_jax.data.annotated import read_parts
from cman_jax.data.formats.oddities import describe_oddities
from cman_jax.data.formats.registry import FORMATS
from cman_jax.data.formats.standoff import DEFAULT_LAYOUT, Layout
from cman_jax.data.long_sentences import most_tokens
from cman_jax.data.overlap import SpanRelation, overlaps
from cman_jax.data.treebank import STRAIGHT
from cman_jax.errors import InputError
from cman_jax.types import Sentence

_LONGEST = most_tokens(DataConfig())


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
    too_long: int


def measure(sentences: Iterable[Sentence]) -> Statistics:
    """Computes the statistics of a split that has at least one sentence.

    `colliding_cells` counts relations whose cell (last token of the subject, last token of the object, type)
    an earlier relation of the sentence has already: a model that scores such cells cannot tell them apart.
    `duplicates` counts sentences whose tokens an earlier sentence has already, `typographic` tokens with
    characters that raw text loses to straight ones before a network reads it, `too_long` sentences that
    training with the default buckets refuses.
    """
    counts, seen = Counter(), set()
    lengths, entity_types, relation_types = array("i"), Counter(), Counter()
    for sentence in sentences:
        lengths.append(len(sentence.tokens))
        entity_types.update(entity.type for entity in sentence.entities)
        relation_types.update(relation.type for relation in sentence.relations)
        pairs = _overlapping_pairs(sentence)
        counts["without_relation"] += not sentence.relations
        counts["overlapping_pairs"] += pairs
        counts["sentences_with_overlap"] += pairs > 0
        counts["colliding_cells"] += _colliding_cells(sentence)
        counts["typographic"] += sum(not STRAIGHT.keys().isdisjoint(token) for token in sentence.tokens)
        counts["too_long"] += len(sentence.tokens) > _LONGEST
        seen.add(_key(sentence.tokens))
    return Statistics(
        sentences=len(lengths),
        tokens=sum(lengths),
        shortest=min(lengths),
        longest=max(lengths),
        entity_types=entity_types,
        relation_types=relation_types,
        duplicates=len(lengths) - len(seen),
        **counts,
    )


def _overlapping_pairs(sentence: Sentence) -> int:
    entities = sentence.entities
    return sum(overlaps(a, b) for index, a in enumerate(entities) for b in entities[:index])


def _colliding_cells(sentence: Sentence) -> int:
    ends = [entity.end for entity in sentence.entities]
    cells = {(ends[subject], ends[object_], name) for subject, object_, name in sentence.relations}
    return len(sentence.relations) - len(cells)


class Keys(NamedTuple):
    """What is compared between splits, in short digests, so that no sentence stays in memory.

    Attributes:
      ids: the digest of each id.
      tokens: the digest of each sentence's tokens.
      annotations: the digest of each sentence's entities and relations, in whatever order they are stated.
    """

    ids: list[bytes]
    tokens: list[bytes]
    annotations: list[bytes]


def keys_of(sentences: Iterable[Sentence]) -> Keys:
    """Returns the digests of sentences, each of which is needed only once."""
    keys = Keys([], [], [])
    for sentence in sentences:
        entities = sentence.entities
        relations = (
            SpanRelation(entities[r.subject], entities[r.object], r.type) for r in sentence.relations
        )
        keys.ids.append(_key([sentence.id]))
        keys.tokens.append(_key(sentence.tokens))
        keys.annotations.append(_key([repr(sorted(entities)), repr(sorted(relations))]))
    return keys


def _key(texts: Iterable[str]) -> bytes:
    """Returns a digest of texts, none of which contains NUL; no two of 10^12 are likely to be equal."""
    return hashlib.blake2b("\0".join(texts).encode(), digest_size=16).digest()


def shared_sentences(split: Keys, other: Keys) -> int:
    """Counts the sentences of a split that have the same tokens as one of another split."""
    known = set(other.tokens)
    return sum(key in known for key in split.tokens)


def count_contradictions(splits: Iterable[Keys]) -> int:
    """Counts the token sequences that occur more than once with different annotations."""
    first: dict[bytes, bytes] = {}
    pairs = (pair for keys in splits for pair in zip(keys.tokens, keys.annotations, strict=True))
    return len({tokens for tokens, annotation in pairs if first.setdefault(tokens, annotation) != annotation})


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
        found = {split: measure(sentences) for split, sentences in splits.items()}
        lines += [f"  {split}: {_describe(statistics)}" for split, statistics in found.items()]
        lines += [f"  {line}" for line in _across(splits, found)]
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
        "sentences without a relation (they teach the network which sentences have none)": s.without_relation,
        f"pairs of overlapping entities in {s.sentences_with_overlap} sentences (training keeps the longest "
        "entity of a pair, and only relations between kept entities)": s.overlapping_pairs,
        "relations with the last tokens and the type of another one (the network cannot tell them apart)": (
            s.colliding_cells
        ),
        "sentences whose tokens an earlier one has (each is trained on)": s.duplicates,
        f"sentences with more than {_LONGEST} tokens (training refuses them, unless "
        "config.data.bucket_lengths has a longer bucket)": s.too_long,
        "tokens with typographic quotes or dashes (raw text to predict on gets straight ones)": s.typographic,
    }
    return "\n    ".join([*lines, *(f"odd: {count} {what}" for what, count in odd.items() if count)])


def _by_type(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none"


def _across(splits: Mapping[str, Sequence[Sentence]], found: Mapping[str, Statistics]) -> Iterator[str]:
    """Yields the oddities between splits: types that train lacks, sentences and ids that two splits share.

    Args:
      splits: the sentences of each split.
      found: the statistics of each split.
    """
    for split, own in found.items():
        if split == "train" or "train" not in found:
            continue
        kinds = ("entity_types", "relation_types")
        absent = [
            name
            for kind in kinds
            for name in sorted(getattr(own, kind).keys() - getattr(found["train"], kind).keys())
        ]
        if absent:
            yield f"odd: {split} has types that train lacks, which cannot be learned: {', '.join(absent)}"
    keys = {split: keys_of(sentences) for split, sentences in splits.items()}
    for split, other in itertools.permutations(keys, 2):
        if shared := shared_sentences(keys[split], keys[other]):
            yield f"odd: {shared} {split} sentences are also in {other}, which makes scores too high"
    for split, other in itertools.combinations(keys, 2):
        if ids := {*keys[split].ids} & {*keys[other].ids}:
            yield f"odd: {len(ids)} ids are both in {split} and in {other}"
    if contradictions := count_contradictions(keys.values()):
        yield f"odd: {contradictions} repeated sentences are annotated in different ways"
