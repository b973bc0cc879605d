"""The ids of words, characters, tags and relation types, and the rule that looks up a token's word."""

import dataclasses
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from cman_jax.data.bio import tag_names
from cman_jax.data.summary import Summary
from cman_jax.errors import InputError
from cman_jax.files import read_text, show, write_atomically
from cman_jax.types import Annotation, EncoderSpec, Sentence, Sizes

T = TypeVar("T")

UNKNOWN_WORD = 0  # padding has this id too
PADDING_CHAR, UNKNOWN_CHAR = 0, 1
_CHAR_STEP = 16  # similar alphabets, such as those of a corpus's folds, give networks of the same shape


def word_candidates(token: str) -> tuple[str, ...]:
    """Returns the forms of a token to look up, best first (Bekoulis et al., 2018).

    The forms are the token itself, lower case, title case and, for a token of digits, "0".
    """
    forms = (token, token.lower(), token.title(), *(("0",) if token.isdigit() else ()))
    return tuple(dict.fromkeys(forms))


def look_up(token: str, table: Mapping[str, T]) -> T | None:
    """Returns the table's value for the first of `word_candidates(token)` that is a key, or None."""
    return next((table[form] for form in word_candidates(token) if form in table), None)


@dataclasses.dataclass(frozen=True)
class Vocabs:
    """The inventories of a trained system, in the order of the ids.

    Attributes:
      words: the words from id 1 on; id 0 is the unknown word.
      chars: the characters from id 2 on; id 0 is padding, and id 1 is the unknown character.
      entity_types: sorted names.
      relation_types: sorted names; ids begin at 0.
      null_relation: whether the network has the class 'N', as its last relation type.
      frozen_words: whether word vectors are pretrained and stay unchanged.
    """

    words: tuple[str, ...]
    chars: tuple[str, ...]
    entity_types: tuple[str, ...]
    relation_types: tuple[str, ...]
    null_relation: bool
    frozen_words: bool

    def __post_init__(self) -> None:
        object.__setattr__(self, "word_ids", {word: i for i, word in enumerate(self.words, 1)})
        object.__setattr__(self, "char_ids", {char: i for i, char in enumerate(self.chars, 2)})
        object.__setattr__(self, "tags", tag_names(self.entity_types))
        object.__setattr__(self, "tag_ids", {tag: i for i, tag in enumerate(self.tags)})
        object.__setattr__(self, "relation_ids", {name: i for i, name in enumerate(self.relation_types)})

    @property
    def sizes(self) -> Sizes:
        """Returns the sizes of the network, without those of contextual features."""
        return Sizes(
            num_words=len(self.words) + 1,
            num_chars=-(-(len(self.chars) + 2) // _CHAR_STEP) * _CHAR_STEP,
            num_tags=len(self.tags),
            num_relations=len(self.relation_types) + self.null_relation,
            frozen_words=self.frozen_words,
        )

    def sizes_with(self, encoder: EncoderSpec | None) -> Sizes:
        """Returns the sizes of a network that reads an encoder's features; None: it reads no features."""
        if encoder is None:
            return self.sizes
        return self.sizes._replace(feature_layers=encoder.num_layers, feature_width=encoder.width)

    def word_id(self, token: str) -> int:
        """Returns the id of the first candidate form that is a word, or `UNKNOWN_WORD`."""
        return look_up(token, self.word_ids) or UNKNOWN_WORD

    def spelling(self, token: str) -> tuple[int, ...]:
        """Returns the character ids of a token."""
        return tuple(self.char_ids.get(char, UNKNOWN_CHAR) for char in token)

    def save(self, path: Path) -> None:
        """Writes a JSON file, which `load` can read on any machine."""
        write_atomically(path, self.to_bytes())

    def to_bytes(self) -> bytes:
        """Returns what `save` writes."""
        text = json.dumps(dataclasses.asdict(self), ensure_ascii=False, indent=0)
        return (text + "\n").encode()

    @classmethod
    def load(cls, path: Path) -> "Vocabs":
        """Reads a file that `save` wrote.

        Raises:
          InputError: the file is missing, or does not contain vocabularies of this library.
        """
        try:
            return cls(**_check(json.loads(read_text(path))))
        except FileNotFoundError:
            raise InputError(path, None, "no such file", "the vocabularies of a training run") from None
        except (ValueError, RecursionError) as error:
            found = f"a damaged file ({error})"
            raise InputError(path, None, found, "vocabularies written by a training run") from None


def _check(values: Any) -> dict[str, Any]:
    """Returns the fields of a `Vocabs` from a decoded JSON value.

    Raises:
      ValueError: names what is not a field of a `Vocabs`, or has the wrong type.
    """
    fields = {field.name: field.type for field in dataclasses.fields(Vocabs)}
    if not isinstance(values, dict) or values.keys() != fields.keys():
        raise ValueError(f"{show(values)} is not an object with the keys {', '.join(fields)}")
    for name, value in values.items():
        strings = isinstance(value, list) and all(isinstance(item, str) for item in value)
        if not (isinstance(value, bool) if fields[name] is bool else strings):
            raise ValueError(f"{name} = {show(value)} has the wrong type")
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def build_vocabs(
    train: Summary,
    others: Iterable[Summary],
    *,
    vector_words: Collection[str] | None,
    min_word_count: int,
    null_relation: bool,
) -> Vocabs:
    """Returns the vocabularies of a corpus.

    Args:
      train: the only split that contributes characters and, without pretrained vectors, words.
      others: further splits, which contribute only names of entity types and relation types.
      vector_words: the words with a pretrained vector, in the order of the vectors; None: vectors of the
        training words are trained.
      min_word_count: training words with fewer occurrences share the unknown word, whose vector is trained by
        them.
      null_relation: whether the network has the class 'N'.
    """
    counts = train.tokens
    if vector_words is None:
        words = sorted(word for word, count in counts.items() if count >= min_word_count)
    else:
        words = list(vector_words)
    splits = [train, *others]
    return Vocabs(
        words=tuple(words),
        chars=tuple(sorted({char for token in counts for char in token})),
        entity_types=tuple(sorted({name for split in splits for name in split.entity_types})),
        relation_types=tuple(sorted({name for split in splits for name in split.relation_types})),
        null_relation=null_relation,
        frozen_words=vector_words is not None,
    )


def vector_coverage(tokens: Collection[str], vocabs: Vocabs) -> tuple[int, int]:
    """Returns the number of tokens with a pretrained vector, and the number of tokens.

    A token has a vector if one of its `word_candidates` is a word of the vectors. Without pretrained vectors,
    the first number is 0.

    Args:
      tokens: distinct tokens.
      vocabs: contain the words of the vectors.
    """
    known = sum(vocabs.word_id(token) != UNKNOWN_WORD for token in tokens) if vocabs.frozen_words else 0
    return known, len(tokens)


def coverage_line(coverage: tuple[int, int]) -> str:
    """Returns a line for people about the result of `vector_coverage` for the training tokens."""
    known, total = coverage
    rule = "looked up unchanged, in lower case, in title case, and a number as 0"
    return f"{known} of {total} distinct training tokens have a word vector (each {rule})"


def refuse_no_coverage(coverage: tuple[int, int], path: str | Path) -> None:
    """Checks that at least one token has a vector.

    Args:
      coverage: the result of `vector_coverage`.
      path: the file of the vectors, for the error message.

    Raises:
      InputError: no token has a vector.
    """
    known, total = coverage
    if not known:
        found = f"a vector for 0 of the {total} distinct training tokens"
        expected = "vectors for the corpus's language, with its spelling of words; or train without the file"
        raise InputError(path, None, found, expected)


def check_types(
    annotated: Sentence | Annotation, entity_types: Sequence[str], relation_types: Sequence[str], where: str
) -> None:
    """Checks that all types of a sentence or prediction are known.

    Args:
      annotated: the entities and relations.
      entity_types: the known entity types.
      relation_types: the known relation types.
      where: the beginning of the error message, which names the sentence.

    Raises:
      InputError: an entity type or a relation type is unknown.
    """
    for kind, claims, inventory in (
        ("entity", annotated.entities, entity_types),
        ("relation", annotated.relations, relation_types),
    ):
        unknown = sorted({claim.type for claim in claims} - set(inventory))
        if unknown:
            known = ", ".join(inventory) or "none"
            raise InputError(where, None, f"{kind} type {unknown[0]!r}", f"one of the known types: {known}")
