"""The vocabulary of types that the whole library shares.

Dimension key, in annotations and einsum strings alike:

    b sentences    n tokens (subject)    m tokens again (object)    c characters
    d model width  e input width         h heads                    k head width
    f scorer width t tags                r relation types           l feature layers
    v vocabulary   w distinct words      p gold relation cells      g directions

Host types hold strings and spans; device types are NamedTuples of arrays, so that they are pytrees.
"""

from typing import Any, NamedTuple

from jaxtyping import Bool, Float, Int

Params = Any
"""The tree of trained arrays."""
Constants = Any
"""Arrays that are never trained, the collection `constants`; empty without pretrained vectors."""


class Entity(NamedTuple):
    """Tokens `start` (inclusive) to `end` (exclusive) form one mention of type `type`."""

    start: int
    end: int
    type: str


class Relation(NamedTuple):
    """A typed, directed relation; `subject` and `object` index the sentence's entities."""

    subject: int
    object: int
    type: str


class Annotation(NamedTuple):
    """What a system says of one sentence; the probabilities are parallel to the two tuples, or empty."""

    entities: tuple[Entity, ...]
    relations: tuple[Relation, ...]
    entity_prob: tuple[float, ...] = ()
    relation_prob: tuple[float, ...] = ()


class Sentence(NamedTuple):
    """A tokenised sentence with its gold annotation (empty where there is none)."""

    id: str
    tokens: tuple[str, ...]
    entities: tuple[Entity, ...] = ()
    relations: tuple[Relation, ...] = ()


class EncoderSpec(NamedTuple):
    """Where contextual features come from: equal specs give equal features."""

    name: str
    num_layers: int  # l
    width: int  # of one layer's vector
    digest: str  # SHA-256 of everything read from files: weights, options, tokeniser
    version: int  # of our code; raised with every change of what it computes


class Sizes(NamedTuple):
    """What vocabularies and contextual features fix of a network's shape."""

    num_words: int
    num_chars: int
    num_tags: int
    num_relations: int  # the null relation included
    frozen_words: bool  # pretrained vectors, kept as they are
    feature_layers: int = 0  # l; 0 = no contextual features
    feature_width: int = 0  # of one layer's vector


class Batch(NamedTuple):
    """Sentences of one bucket, padded; made on the host, consumed by the device.

    Padding holds word 0, character 0, tag 0 (`O`), zero features, and relation cells outside the tensor.
    """

    word_ids: Int[Any, "b n"]
    mask: Bool[Any, "b n"]  # True = a real token
    tags: Int[Any, "b n"]  # gold tags
    char_ids: tuple[Int[Any, "_ _"], ...]  # the batch's distinct words, a table [w c] per word length class
    char_rows: Int[Any, "b n"]  # row of each token's word in the tables laid end to end
    relation_cells: Int[Any, "b p 3"]  # gold (subject token, object token, relation type); padding: (n, n, r)
    features: Float[Any, "b l n _"]  # float16, of a frozen encoder; none: l = 0


class CRFPotentials(NamedTuple):
    """Log potentials of a linear chain, in nats; Eq. 8's log φ."""

    initial: Float[Any, "b t"]  # first token's tag
    pairwise: Float[Any, "b n t t"]  # [i, a, b]: tag a at token i-1, tag b at token i; [0] is not read


class Potentials(NamedTuple):
    """What the network says of a batch, before any decision."""

    tagging: CRFPotentials
    relation_logits: Float[Any, "b n m r"]


class LossTerms(NamedTuple):
    """Sums over the sentences of a batch, in nats, and how many sentences they sum over."""

    ner: Float[Any, ""]
    relation: Float[Any, ""]
    num_sentences: Float[Any, ""]


class Predictions(NamedTuple):
    """Decisions and probabilities, still as tensors."""

    tags: Int[Any, "b n"]  # Viterbi path
    relation_prob: Float[Any, "b n m r"]
    initial_prob: Float[Any, "b t"]  # marginal of the first token's tag
    edge_prob: Float[Any, "b n t t"]  # marginals of neighbouring tags; [0] is zero


class TokenPredictions(NamedTuple):
    """Decisions and probabilities of single tokens, and what is needed to score their relations."""

    tags: Int[Any, "b n"]  # Viterbi path
    initial_prob: Float[Any, "b t"]  # as in `Predictions`
    edge_prob: Float[Any, "b n t t"]
    relation_tokens: Float[Any, "b n _"]  # all that the relation scorer reads


def is_token(text: str) -> bool:
    """Whether `text` can stand as a token: not empty, no whitespace, no NUL, encodable as UTF-8."""
    return are_tokens([text])


def are_tokens(texts: list[str]) -> bool:
    joined = " ".join(texts)
    try:
        joined.encode()
    except UnicodeEncodeError:  # a lone surrogate, which JSON can spell
        return False
    return joined.split() == texts and "\0" not in joined
