"""A corpus that needs no download: newswire-like sentences with CoNLL04's types, written by a grammar.

It is for trying the library out and for testing it end to end. Names are ambiguous and mostly new in the
dev and test splits, so that a tagger must read the context; every sentence is decidable from its own words.
The same seed gives the same sentences.
"""

import random
import zlib
from collections.abc import Mapping

from cman_jax.types import Sentence
from data_prep.generated.grammar import Draft, Writer, parse_grammar, write_text
from data_prep.generated.lexicon import ENTITY_TYPES, NAMES
from data_prep.generated.templates import SENTENCES

SPLITS = ("train", "dev", "test")
SIZES = {"train": 1200, "dev": 200, "test": 200}
MAX_TOKENS = 63
NAMELESS_EVERY = 25


def owner(text: str) -> str:
    """The one split in which a name or an entity-free sentence may occur: 60 % train, 20 % dev, 20 % test."""
    bucket = zlib.crc32(text.encode()) % 10
    return "train" if bucket < 6 else "dev" if bucket < 8 else "test"


def make_writer(split: str, rng: random.Random) -> Writer:
    """A writer whose names all belong to `split`."""
    names = parse_grammar(NAMES)

    def make_name(symbol: str) -> str:
        name = write_text(names, symbol, rng)
        while owner(name) != split:
            name = write_text(names, symbol, rng)
        return name

    return Writer(parse_grammar(SENTENCES), ENTITY_TYPES, make_name, rng)


def write_draft(writer: Writer, symbol: str) -> Draft:
    """Writes `symbol` as a sentence of its own."""
    draft = Draft()
    writer.write(draft, symbol)
    draft.tokens[0] = draft.tokens[0][0].upper() + draft.tokens[0][1:]
    return draft


def is_fit(draft: Draft, split: str) -> bool:
    """Whether the draft is short enough, names nothing twice and, without a name, belongs to `split`."""
    mentions = [tuple(draft.tokens[entity.start : entity.end]) for entity in draft.entities]
    if len(draft.tokens) > MAX_TOKENS or len(set(mentions)) < len(mentions):
        return False
    return bool(mentions) or owner(" ".join(draft.tokens)) == split


def generate(num_sentences: int, split: str, seed: int) -> list[Sentence]:
    """Writes distinct sentences; those of different splits share neither a sentence nor a whole name.

    Args:
      num_sentences: how many.
      split: "train", "dev" or "test".
      seed: any number from 0 up; the first `n` sentences do not depend on `num_sentences`.
    """
    rng = random.Random(len(SPLITS) * seed + SPLITS.index(split))
    writer = make_writer(split, rng)
    seen: set[tuple[str, ...]] = set()
    sentences: list[Sentence] = []
    while len(sentences) < num_sentences:
        is_nameless = len(sentences) % NAMELESS_EVERY == NAMELESS_EVERY - 1
        symbol = "nameless" if is_nameless else "sentence"
        draft = write_draft(writer, symbol)
        while tuple(draft.tokens) in seen or not is_fit(draft, split):
            draft = write_draft(writer, symbol)
        seen.add(tokens := tuple(draft.tokens))
        sentence_id = f"{split}-{len(sentences) + 1:04d}"
        sentences.append(Sentence(sentence_id, tokens, tuple(draft.entities), tuple(draft.relations)))
    return sentences


def generate_splits(sizes: Mapping[str, int] = SIZES, seed: int = 0) -> dict[str, list[Sentence]]:
    """The three splits, each of its size."""
    return {split: generate(size, split, seed) for split, size in sizes.items()}
