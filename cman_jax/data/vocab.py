"""Ids for words, characters, tags and relation types, and the rule that maps a token to its word."""

import dataclasses
import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from cman_jax.data.bio import tag_names
from cman_jax.data.corpus import type_inventory
from cman_jax.errors import InputError
from cman_jax.files import read_text, show, write_atomically
from cman_jax.types import Annotation, Sentence, Sizes

T = TypeVar("T")

UNKNOWN_WORD = 0  # also what padding holds
PADDING_CHAR, UNKNOWN_CHAR = 0, 1
_CHAR_STEP = 16  # alphabets of corpora that differ little, as folds do, get networks of one shape


def word_candidates(token: str) -> tuple[str, ...]:
    """Forms to look up, best first: as is, lower case, Title case, digits as "0" (Bekoulis et al., 2018)."""
    forms = (token, token.lower(), token.title(), *(("0",) if token.isdigit() else ()))
    return tuple(dict.fromkeys(forms))


def look_up(token: str, table: Mapping[str, T]) -> T | None:
    """What the table has for the best of the token's forms that it knows; None: it knows none."""
    return next((table[form] for form in word_candidates(token) if form in table), None)


@dataclasses.dataclass(frozen=True)
class Vocabs:
    """The inventories of a trained system. Tuples are in id order.

    Attributes:
      words: from id 1 on; id 0 is the unknown word.
      chars: from id 2 on; id 0 is padding, id 1 the unknown character.
      entity_types, relation_types: sorted names.
      null_relation: whether the network has the class 'N', as its last relation.
      frozen_words: whether word vectors are pretrained.
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
        """The network dimensions that follow."""
        return Sizes(
            num_words=len(self.words) + 1,
            num_chars=-(-(len(self.chars) + 2) // _CHAR_STEP) * _CHAR_STEP,
            num_tags=len(self.tags),
            num_relations=len(self.relation_types) + self.null_relation,
            frozen_words=self.frozen_words,
        )

    def word_id(self, token: str) -> int:
        """The id of the first candidate form that is a word, else `UNKNOWN_WORD`."""
        return look_up(token, self.word_ids) or UNKNOWN_WORD  # whose id is 0

    def spelling(self, token: str) -> tuple[int, ...]:
        """Character ids."""
        return tuple(self.char_ids.get(char, UNKNOWN_CHAR) for char in token)

    def save(self, path: Path) -> None:
        """Writes JSON that `load` reads, on any machine."""
        text = json.dumps(dataclasses.asdict(self), ensure_ascii=False, indent=0)
        write_atomically(path, (text + "\n").encode())

    @classmethod
    def load(cls, path: Path) -> "Vocabs":
        """Raises: InputError: the file is missing or no vocabulary of this library."""
        try:
            return cls(**_check(json.loads(read_text(path))))
        except FileNotFoundError:
            raise InputError(path, None, "no such file", "the vocabularies of a training run") from None
        except (ValueError, RecursionError) as error:
            raise InputError(path, None, f"{error}", "vocabularies written by a training run") from None


def _check(values: Any) -> dict[str, Any]:
    """The fields of a `Vocabs` from what JSON said; a ValueError says what is no such field."""
    fields = {field.name: field.type for field in dataclasses.fields(Vocabs)}
    if not isinstance(values, dict) or values.keys() != fields.keys():
        raise ValueError(f"{show(values)}, not an object of {', '.join(fields)}")
    for name, value in values.items():
        strings = isinstance(value, list) and all(isinstance(item, str) for item in value)
        if not (isinstance(value, bool) if fields[name] is bool else strings):
            raise ValueError(f"{name} = {show(value)}")
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def build_vocabs(
    train: Sequence[Sentence],
    others: Iterable[Sequence[Sentence]],
    *,
    vector_words: Collection[str] | None,
    min_word_count: int,
    null_relation: bool,
) -> Vocabs:
    """Vocabularies of a corpus.

    Args:
      train: characters, and trained words, come from these sentences alone.
      others: further splits; they add type names only.
      vector_words: the words that pretrained vectors exist for, in the vectors' order; None: train vectors
        for the training words.
      min_word_count: training words rarer than this share the unknown word, which is thereby trained too.
      null_relation: whether the network has the class 'N'.
    """
    counts = Counter(token for sentence in train for token in sentence.tokens)
    if vector_words is None:
        words = sorted(word for word, count in counts.items() if count >= min_word_count)
    else:
        words = list(vector_words)
    splits = [train, *others]
    entity_types, relation_types = type_inventory([sentence for split in splits for sentence in split])
    return Vocabs(
        words=tuple(words),
        chars=tuple(sorted({char for token in counts for char in token})),
        entity_types=tuple(entity_types),
        relation_types=tuple(relation_types),
        null_relation=null_relation,
        frozen_words=vector_words is not None,
    )


def vector_coverage(sentences: Sequence[Sentence], vocabs: Vocabs) -> tuple[int, int]:
    """Returns how many distinct tokens of the sentences have a pretrained vector, and how many there are.

    A token has a vector if one of its `word_candidates` is a word of the vectors. Without pretrained vectors
    the first number is 0.
    """
    tokens = {token for sentence in sentences for token in sentence.tokens}
    known = sum(vocabs.word_id(token) != UNKNOWN_WORD for token in tokens) if vocabs.frozen_words else 0
    return known, len(tokens)


def coverage_line(coverage: tuple[int, int]) -> str:
    """Returns the sentence that tells a person what `vector_coverage` found in the training sentences."""
    known, total = coverage
    rule = "looked up as it stands, in lower case, in title case, and a number as 0"
    return f"{known} of {total} distinct training tokens have a word vector (each {rule})"


def refuse_no_coverage(coverage: tuple[int, int], path: str | Path) -> None:
    """Raises an InputError if no token has a vector.

    Args:
      coverage: what `vector_coverage` returned.
      path: the file of the vectors, which the error names.
    """
    known, total = coverage
    if not known:
        found = f"a vector for 0 of the {total} distinct training tokens"
        expected = (
            "vectors of the corpus's language, its words written as in the corpus; or train without the file"
        )
        raise InputError(path, None, found, expected)


def check_types(
    annotated: Sentence | Annotation, entity_types: Sequence[str], relation_types: Sequence[str], where: str
) -> None:
    """Raises: InputError: a type stands outside its inventory. Args: where: what the error begins with."""
    for kind, those, inventory in (
        ("entity", annotated.entities, entity_types),
        ("relation", annotated.relations, relation_types),
    ):
        unknown = sorted({claim.type for claim in those} - set(inventory))
        if unknown:
            known = ", ".join(inventory) or "none"
            raise InputError(where, None, f"{kind} type {unknown[0]!r}", f"one of the known types: {known}")
