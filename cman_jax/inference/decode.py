"""From tensors back to spans and triples: the first place after the network with strings."""

import itertools
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from jaxtyping import Float, Int

from cman_jax.config import DecodingConfig
from cman_jax.data.bio import tags_to_spans
from cman_jax.data.vocab import Vocabs
from cman_jax.run.constraints import Constraints, allows
from cman_jax.types import Annotation, Entity, Predictions, Relation, TokenPredictions

BLOCK = 256
"""Subject tokens, and object tokens, whose relations are looked at together."""

PairProb = Callable[[Int[np.ndarray, " i"], Int[np.ndarray, " j"]], Float[np.ndarray, "i j r"]]
"""Relation probabilities of some subject tokens with some object tokens, at most `BLOCK` of either."""


def decode(
    predictions: Predictions,
    num_tokens: int,
    vocabs: Vocabs,
    config: DecodingConfig,
    constraints: Constraints | None = None,
) -> Annotation:
    """Decodes one sentence whose relations are all scored; see `decode_pairs`.

    Args:
      predictions: NumPy arrays of one sentence, without the batch axis.
    """
    prob = predictions.relation_prob
    return decode_pairs(predictions, lambda s, o: prob[np.ix_(s, o)], num_tokens, vocabs, config, constraints)


def decode_pairs(
    predictions: Predictions | TokenPredictions,
    pair_prob: PairProb,
    num_tokens: int,
    vocabs: Vocabs,
    config: DecodingConfig,
    constraints: Constraints | None = None,
) -> Annotation:
    """Decodes one sentence whose relations are scored where decoding reads them.

    A relation holds between two different predicted entities where its probability exceeds its threshold,
    at their last tokens (`anchor="last"`) or at any pair of their tokens ("any", Bekoulis' scorer). Cells
    outside predicted entities, and the null relation, are ignored.

    Args:
      predictions: NumPy arrays of one sentence, without the batch axis.
      pair_prob: returns the relation probabilities of a block.
      num_tokens: how many of the padded tokens are real.
      vocabs: names of tags and relation types.
      config: thresholds and anchor.
      constraints: the entity types that a relation may connect; None: any.

    Returns:
      Entities by position, relations by subject, object and type; each with its probability: of the whole
      span under the CRF, of the relation's (best) cell, and of the triple, the product of the three.
    """
    entities = tags_to_spans([vocabs.tags[tag] for tag in predictions.tags[:num_tokens]])
    types = vocabs.relation_types
    relations, relation_prob = [], []
    # In double precision, because a threshold may lie between two neighbours of single precision.
    thresholds = np.array(list(config.thresholds(types).values()), np.float64)
    for first, best in _best_cells(entities, pair_prob, len(types), config):
        for s, o, k in np.argwhere(best > thresholds):
            relation = Relation(first + int(s), int(o), types[k])
            if first + s != o and _allowed(relation, entities, constraints):
                relations.append(relation)
                relation_prob.append(float(best[s, o, k]))
    entity_prob = tuple(span_probability(predictions, entity, num_tokens, vocabs) for entity in entities)
    annotation = Annotation(entities, tuple(relations), entity_prob, tuple(relation_prob))
    return annotation._replace(triple_prob=_triple_prob(annotation))


def _triple_prob(annotation: Annotation) -> tuple[float, ...]:
    """Returns the product of the probabilities of each relation and of both its entities."""
    entity_prob = annotation.entity_prob
    return tuple(
        prob * entity_prob[relation.subject] * entity_prob[relation.object]
        for relation, prob in zip(annotation.relations, annotation.relation_prob, strict=True)
    )


def span_probability(
    predictions: Predictions | TokenPredictions, entity: Entity, num_tokens: int, vocabs: Vocabs
) -> float:
    """Computes the CRF's probability that a span is tagged as predicted and that no token continues it.

    The probability is exact, by the chain rule over the marginals of neighbouring tags.
    """
    tags = predictions.tags
    probability = float(_tag_marginals(predictions, entity.start)[tags[entity.start]])
    for i in range(entity.start + 1, entity.end):
        probability *= _conditional(predictions, i, tags[i])
    if entity.end < num_tokens:
        probability *= 1 - _conditional(predictions, entity.end, vocabs.tag_ids[f"I-{entity.type}"])
    return min(max(probability, 0.0), 1.0)  # rounding may leave it just outside


def _allowed(relation: Relation, entities: Sequence[Entity], constraints: Constraints | None) -> bool:
    """Returns whether the constraints allow the relation between its entities."""
    subject, object_ = entities[relation.subject].type, entities[relation.object].type
    return constraints is None or allows(constraints, relation.type, subject, object_)


def _best_cells(
    entities: Sequence[Entity], pair_prob: PairProb, num_types: int, config: DecodingConfig
) -> Iterator[tuple[int, Float[np.ndarray, "s o r"]]]:
    """Computes the best cell of every pair of entities and type, for `BLOCK` subjects at a time.

    Yields:
      The first subject's index, and the probabilities of these subjects with all objects.
    """
    if len(entities) < 2:
        return
    for first in range(0, len(entities), BLOCK):
        subjects = entities[first : first + BLOCK]
        best = np.zeros((len(subjects), len(entities), num_types), np.float32)
        blocks = itertools.product(_token_blocks(subjects, config), _token_blocks(entities, config))
        for (rows, row_owners), (columns, column_owners) in blocks:
            cells = pair_prob(rows, columns)[:, :, :num_types]
            row_starts, row_entities = _runs(row_owners)
            column_starts, column_entities = _runs(column_owners)
            cells = np.maximum.reduceat(np.maximum.reduceat(cells, row_starts, 0), column_starts, 1)
            there = np.ix_(row_entities, column_entities)
            best[there] = np.maximum(best[there], cells)  # an entity may lie in several blocks
        yield first, best


def _token_blocks(
    entities: Sequence[Entity], config: DecodingConfig
) -> list[tuple[Int[np.ndarray, " i"], Int[np.ndarray, " i"]]]:
    """Returns the tokens that represent the entities, in blocks, and for each the index of its entity."""
    begin = [entity.end - 1 if config.anchor == "last" else entity.start for entity in entities]
    tokens = [np.arange(start, entity.end) for start, entity in zip(begin, entities, strict=True)]
    owners = np.repeat(np.arange(len(entities)), [len(each) for each in tokens])
    laid = np.concatenate(tokens)
    return [(laid[i : i + BLOCK], owners[i : i + BLOCK]) for i in range(0, len(laid), BLOCK)]


def _runs(owners: Int[np.ndarray, " i"]) -> tuple[Int[np.ndarray, " k"], Int[np.ndarray, " k"]]:
    """Returns where each run of equal numbers starts, and the numbers."""
    starts = np.flatnonzero(np.diff(owners, prepend=-1))
    return starts, owners[starts]


def _tag_marginals(predictions: Predictions | TokenPredictions, i: int) -> Float[np.ndarray, " t"]:
    return predictions.initial_prob if i == 0 else predictions.edge_prob[i].sum(0)


def _conditional(predictions: Predictions | TokenPredictions, i: int, tag: int | np.integer) -> float:
    """Returns `P(y_i = tag | y_{i-1})`, with the predicted tag for `y_{i-1}`."""
    edges = predictions.edge_prob[i, predictions.tags[i - 1]]
    return float(edges[tag] / max(edges.sum(), 1e-30))
