"""The types that the whole library shares.

Annotations and einsum strings use one dimension key:

    b sentences    n tokens (subject)    m tokens again (object)    c characters
    d model width  e input width         h heads                    k head width
    f scorer width t tags                r relation types           l feature layers
    v vocabulary   w distinct words      p gold relation cells      g directions

Host types contain strings and spans. Device types are NamedTuples of arrays, which JAX treats as pytrees.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from jaxtyping import Bool, Float, Float16, Int

Params = Any
"""The tree of trained arrays."""
Constants = Any
"""The tree of untrained arrays (Flax's collection `constants`); empty without pretrained word vectors."""


class Entity(NamedTuple):
    """A typed mention, which covers consecutive tokens of a sentence.

    Attributes:
      start: index of the first token.
      end: index after the last token.
      type: the entity type.
    """

    start: int
    end: int
    type: str


class Relation(NamedTuple):
    """A typed, directed relation between two entities of a sentence.

    Attributes:
      subject: index of the subject among the sentence's entities.
      object: index of the object among the sentence's entities.
      type: the relation type.
    """

    subject: int
    object: int
    type: str


class Annotation(NamedTuple):
    """The entities and relations that a system predicts for one sentence.

    Attributes:
      entities: the predicted entities.
      relations: the predicted relations, whose arguments index `entities`.
      entity_prob: the probability of each entity, in the same order; may be empty.
      relation_prob: the probability of each relation between its entities, in the same order; may be empty.
      triple_prob: the probability of each relation together with both entities; may be empty.
    """

    entities: tuple[Entity, ...]
    relations: tuple[Relation, ...]
    entity_prob: tuple[float, ...] = ()
    relation_prob: tuple[float, ...] = ()
    triple_prob: tuple[float, ...] = ()

    def with_relations(self, kept: Sequence[int]) -> "Annotation":
        """Returns the annotation with only some of the relations, and their probabilities.

        Args:
          kept: the indices of these relations.
        """
        fields = ("relations", "relation_prob", "triple_prob")
        parts = {name: values for name in fields if (values := getattr(self, name))}
        return self._replace(**{name: tuple(values[i] for i in kept) for name, values in parts.items()})


class Sentence(NamedTuple):
    """A tokenised sentence with its gold annotation.

    Attributes:
      id: the sentence's name, which is unique in its file.
      tokens: the tokens; see `is_token`.
      entities: the gold entities; empty without an annotation.
      relations: the gold relations, whose arguments index `entities`; empty without an annotation.
    """

    id: str
    tokens: tuple[str, ...]
    entities: tuple[Entity, ...] = ()
    relations: tuple[Relation, ...] = ()


class EncoderSpec(NamedTuple):
    """The identity of a pretrained encoder. Encoders with equal specs compute equal features.

    Attributes:
      name: kind of encoder, such as "elmo".
      num_layers: l, the number of feature layers.
      width: size of the vector of one layer.
      digest: SHA-256 of everything that is read from files: weights, options and tokeniser.
      version: version of this library's code, which rises whenever the code computes different features.
    """

    name: str
    num_layers: int
    width: int
    digest: str
    version: int


class Sizes(NamedTuple):
    """The sizes of a network that follow from the vocabularies and the contextual features.

    Attributes:
      num_words: number of word ids, the unknown word included.
      num_chars: number of character ids, padding and the unknown character included.
      num_tags: number of BIO tags.
      num_relations: number of relation types, the null relation included.
      frozen_words: whether word vectors are pretrained and stay unchanged.
      feature_layers: l, the number of feature layers; 0: no contextual features.
      feature_width: size of the vector of one layer.
      longest_input: number of pieces that an encoder with trained layers reads at once; 0: no such encoder.
    """

    num_words: int
    num_chars: int
    num_tags: int
    num_relations: int
    frozen_words: bool
    feature_layers: int = 0
    feature_width: int = 0
    longest_input: int = 0


class PieceRow(NamedTuple):
    """The word pieces of one input of an encoder whose upper layers are trained.

    Attributes:
      states: hidden states below the first trained layer, including those of the special pieces.
      words: the token that each piece adds to; -1 for pieces that add to none.
    """

    states: Float16[Any, "p d"]
    words: Int[Any, " p"]


class PieceBatch(NamedTuple):
    """Word pieces of a batch's sentences, for an encoder whose upper layers are trained.

    A row is one input of the encoder: a sentence, or a window of a long one. Row r of b sentences belongs to
    sentence r mod b; rows may be empty.

    Attributes:
      states: float16 hidden states below the first trained layer.
      mask: True at real pieces, including the special ones.
      words: each piece's word, counted through the sentences of the batch: `sentence * n + token`. Pieces
        that add to no word have b n.
      weights: what each piece is multiplied by when it is added to its word's vector.
    """

    states: Float[Any, "r p d"]
    mask: Bool[Any, "r p"]
    words: Int[Any, "r p"]
    weights: Float[Any, "r p"]


class Batch(NamedTuple):
    """Sentences of one bucket, padded on the host and consumed by the device.

    Padding contains word 0, character 0, tag 0 (`O`), zero features, and relation cells outside the tensor.

    Attributes:
      word_ids: the word id of each token.
      mask: True at real tokens.
      tags: the gold tags.
      char_ids: characters of the batch's distinct words, one table [w c] per word length class.
      char_rows: each token's row, counted through the character tables one after another.
      relation_cells: gold (subject token, object token, relation type); padding contains (n, n, r).
      features: float16 features of a frozen encoder; without contextual features, l = 0.
      pieces: the input of an encoder whose upper layers are trained; None: no such encoder.
    """

    word_ids: Int[Any, "b n"]
    mask: Bool[Any, "b n"]
    tags: Int[Any, "b n"]
    char_ids: tuple[Int[Any, "_ _"], ...]
    char_rows: Int[Any, "b n"]
    relation_cells: Int[Any, "b p 3"]
    features: Float[Any, "b l n _"]
    pieces: PieceBatch | None = None


class CRFPotentials(NamedTuple):
    """Log potentials of a linear chain, in nats: `log φ` of Eq. (8).

    Attributes:
      initial: log potential of the first token's tag.
      pairwise: at [i, a, b], log potential of tag a at token i-1 and tag b at token i; [0] is not read.
    """

    initial: Float[Any, "b t"]
    pairwise: Float[Any, "b n t t"]


class Potentials(NamedTuple):
    """The network's scores for a batch, before any decision.

    Attributes:
      tagging: log potentials of the tag sequences, in nats.
      relation_logits: logits of all relation cells.
    """

    tagging: CRFPotentials
    relation_logits: Float[Any, "b n m r"]


class LossTerms(NamedTuple):
    """Sums of the losses over the sentences of a batch, in nats.

    Attributes:
      ner: loss of the tagging.
      relation: loss of the relations.
    """

    ner: Float[Any, ""]
    relation: Float[Any, ""]


class Predictions(NamedTuple):
    """Decisions and probabilities for a batch, as tensors.

    Attributes:
      tags: the Viterbi path.
      relation_prob: probability of each relation cell.
      initial_prob: marginal probability of the first token's tag.
      edge_prob: marginal probabilities of neighbouring tags; [0] is zero.
    """

    tags: Int[Any, "b n"]
    relation_prob: Float[Any, "b n m r"]
    initial_prob: Float[Any, "b t"]
    edge_prob: Float[Any, "b n t t"]


class TokenPredictions(NamedTuple):
    """Decisions and probabilities for single tokens, with the input of the relation scorer.

    Attributes:
      tags: the Viterbi path.
      initial_prob: marginal probability of the first token's tag.
      edge_prob: marginal probabilities of neighbouring tags; [0] is zero.
      relation_tokens: the token vectors that the relation scorer reads.
    """

    tags: Int[Any, "b n"]
    initial_prob: Float[Any, "b t"]
    edge_prob: Float[Any, "b n t t"]
    relation_tokens: Float[Any, "b n _"]


def is_unicode(text: str) -> bool:
    """Returns whether `text` is encodable as UTF-8: no half of a surrogate pair, which JSON can spell."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_token(text: str) -> bool:
    """Returns whether `text` is a valid token: not empty, without whitespace or NUL, encodable as UTF-8."""
    return are_tokens([text])


def are_tokens(texts: list[str]) -> bool:
    """Returns whether every text is a valid token, by the rule of `is_token`."""
    joined = " ".join(texts)
    return is_unicode(joined) and joined.split() == texts and "\0" not in joined
