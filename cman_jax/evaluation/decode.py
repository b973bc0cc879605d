"""Tensors back to spans and triples: strings return here."""

import numpy as np
from jaxtyping import Float

from cman_jax.config import DecodingConfig
from cman_jax.data.bio import tags_to_spans
from cman_jax.data.vocab import Vocabs
from cman_jax.types import Annotation, Entity, Predictions, Relation


def decode(predictions: Predictions, num_tokens: int, vocabs: Vocabs, config: DecodingConfig) -> Annotation:
    """One sentence's annotation.

    A relation holds between two different predicted entities where its probability exceeds the threshold,
    at their last tokens (`anchor="last"`) or at any pair of their tokens ("any", Bekoulis' scorer). Cells
    outside predicted entities, and the null relation, say nothing.

    Args:
      predictions: NumPy arrays of one sentence, without the batch axis.
      num_tokens: how many of the padded tokens are real.
      vocabs: names of tags and relation types.
      config: threshold and anchor.

    Returns:
      Entities by position, relations by subject, object and type; each with its probability: of the whole
      span under the CRF, and of the relation's (best) cell.
    """
    tags = predictions.tags[:num_tokens]
    entities = tags_to_spans([vocabs.tags[tag] for tag in tags])
    relations, relation_prob = [], []
    for s, subject in enumerate(entities):
        for o, object_ in enumerate(entities):
            if s == o:
                continue
            best = _cells(predictions.relation_prob, subject, object_, config).max((0, 1))
            for k in np.flatnonzero(best[: len(vocabs.relation_types)] > config.threshold):
                relations.append(Relation(s, o, vocabs.relation_types[k]))
                relation_prob.append(float(best[k]))
    entity_prob = tuple(span_probability(predictions, entity, num_tokens, vocabs) for entity in entities)
    return Annotation(entities, tuple(relations), entity_prob, tuple(relation_prob))


def span_probability(predictions: Predictions, entity: Entity, num_tokens: int, vocabs: Vocabs) -> float:
    """Probability, under the CRF, that the span is tagged as predicted and that no token continues it.

    Exact, by the chain rule over the marginals of neighbouring tags.
    """
    tags = predictions.tags
    probability = float(_tag_marginals(predictions, entity.start)[tags[entity.start]])
    for i in range(entity.start + 1, entity.end):
        probability *= _conditional(predictions, i, tags[i])
    if entity.end < num_tokens:
        probability *= 1 - _conditional(predictions, entity.end, vocabs.tag_ids[f"I-{entity.type}"])
    return min(max(probability, 0.0), 1.0)  # rounding may leave it just outside


def _cells(
    prob: Float[np.ndarray, "n m r"], subject: Entity, object_: Entity, config: DecodingConfig
) -> Float[np.ndarray, "i j r"]:
    if config.anchor == "last":
        return prob[subject.end - 1 : subject.end, object_.end - 1 : object_.end]
    return prob[subject.start : subject.end, object_.start : object_.end]


def _tag_marginals(predictions: Predictions, i: int) -> Float[np.ndarray, " t"]:
    return predictions.initial_prob if i == 0 else predictions.edge_prob[i].sum(0)


def _conditional(predictions: Predictions, i: int, tag: int | np.integer) -> float:
    """P(y_i = tag | y_{i-1} = its predicted tag)."""
    edges = predictions.edge_prob[i, predictions.tags[i - 1]]
    return float(edges[tag] / max(edges.sum(), 1e-30))
