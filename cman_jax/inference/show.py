"""A sentence with its entities and triples as plain text."""

from collections.abc import Sequence

from cman_jax.types import Annotation, Entity


def format_example(sentence_tokens: Sequence[str], annotation: Annotation) -> str:
    """Returns a sentence, its entities and its triples, one per line, with probabilities (0 to 1) if known.

        Ann Lee works for Acme .
          Ann Lee [Peop]  0.99
          Acme [Org]  0.97
          (Ann Lee [Peop]) -- Work_For --> (Acme [Org])  0.98

    Raises:
      ValueError: a tuple of probabilities is neither empty nor as long as what it belongs to.
    """
    names = [_mention(sentence_tokens, entity) for entity in annotation.entities]
    triples = [f"({names[r.subject]}) -- {r.type} --> ({names[r.object]})" for r in annotation.relations]
    return "\n".join(
        [
            " ".join(sentence_tokens),
            *_with_probabilities(names, annotation.entity_prob, "no entity"),
            *_with_probabilities(triples, annotation.triple_prob, "no relation"),
        ]
    )


def _mention(tokens: Sequence[str], entity: Entity) -> str:
    return f"{' '.join(tokens[entity.start : entity.end])} [{entity.type}]"


def _with_probabilities(texts: Sequence[str], probabilities: Sequence[float], nothing: str) -> list[str]:
    if not texts:
        return [f"  ({nothing})"]
    if not probabilities:
        return [f"  {text}" for text in texts]
    return [f"  {text}  {p:.2f}" for text, p in zip(texts, probabilities, strict=True)]
