"""The generated corpus: newswire-like sentences with CoNLL04's types, written by a grammar.

It serves to try the library and to test it end to end. Names are ambiguous, and most names in the dev and
test splits are new, so that a tagger must read the context. The words of a sentence determine its annotation.
The same seed generates the same sentences.
"""

import random
import zlib
from collections.abc import Iterator, Mapping
from itertools import islice

from cman_jax.types import Sentence
from data_prep.generated.grammar import Draft, Writer, parse_grammar, write_text
from data_prep.generated.lexicon import ENTITY_TYPES, NAMES
from data_prep.generated.templates import SENTENCES

SPLITS = ("train", "dev", "test")
SIZES = {"train": 1200, "dev": 200, "test": 200}
MAX_TOKENS = 63
NAMELESS_EVERY = 25
_TRIES = 2000
"""The number of drafts after which no further sentence without names is expected of the grammar."""


def owner(text: str) -> str:
    """Returns the only split in which a name, or a sentence without entities, may occur.

    60 % of all names belong to train, 20 % to dev and 20 % to test.

    Args:
      text: the name or the sentence.
    """
    bucket = zlib.crc32(text.encode()) % 10
    return "train" if bucket < 6 else "dev" if bucket < 8 else "test"


def make_writer(split: str, rng: random.Random) -> Writer:
    """Returns a writer whose names all belong to one split.

    Args:
      split: "train", "dev" or "test".
      rng: the source of random numbers.
    """
    names = parse_grammar(NAMES)

    def make_name(symbol: str) -> str:
        name = write_text(names, symbol, rng)
        while owner(name) != split:
            name = write_text(names, symbol, rng)
        return name

    return Writer(parse_grammar(SENTENCES), ENTITY_TYPES, make_name, rng)


def write_draft(writer: Writer, symbol: str) -> Draft:
    """Writes a symbol as a whole sentence, with a capital letter at its start.

    Args:
      writer: the writer.
      symbol: the symbol of the grammar.
    """
    draft = Draft()
    writer.write(draft, symbol)
    draft.tokens[0] = draft.tokens[0][0].upper() + draft.tokens[0][1:]
    return draft


def is_fit(draft: Draft, split: str) -> bool:
    """Returns whether the corpus may contain a draft.

    The draft must have at most `MAX_TOKENS` tokens and must not repeat a name. A draft without names must
    belong to the split.

    Args:
      draft: the draft.
      split: "train", "dev" or "test".
    """
    mentions = [tuple(draft.tokens[entity.start : entity.end]) for entity in draft.entities]
    if len(draft.tokens) > MAX_TOKENS or len(set(mentions)) < len(mentions):
        return False
    return bool(mentions) or owner(" ".join(draft.tokens)) == split


def generate(num_sentences: int, split: str, seed: int) -> list[Sentence]:
    """Returns distinct sentences; see `iterate`."""
    return list(iterate(num_sentences, split, seed))


def iterate(num_sentences: int, split: str, seed: int) -> Iterator[Sentence]:
    """Generates distinct sentences one by one; different splits share neither sentences nor whole names.

    Every 25th sentence has no names, until the grammar hardly finds a new one: in train, for about 260,000
    sentences.

    Args:
      num_sentences: how many sentences to generate; the first ones do not depend on this number.
      split: "train", "dev" or "test".
      seed: the seed, at least 0.
    """
    rng = random.Random(len(SPLITS) * seed + SPLITS.index(split))
    writer = make_writer(split, rng)
    seen: set[tuple[str, ...]] = set()

    def new_drafts(symbol: str) -> Iterator[Draft]:
        """Yields the drafts of an endless number that are new and fit, and None for the others."""
        while True:
            draft = write_draft(writer, symbol)
            yield draft if tuple(draft.tokens) not in seen and is_fit(draft, split) else None

    named = filter(None, new_drafts("sentence"))
    nameless: Iterator[Draft | None] = new_drafts("nameless")
    for number in range(1, num_sentences + 1):
        draft = None
        if number % NAMELESS_EVERY == 0:
            draft = next(filter(None, islice(nameless, _TRIES)), None)
            if draft is None:
                nameless = iter(())  # the grammar has hardly a new one
        draft = draft or next(named)
        seen.add(tokens := tuple(draft.tokens))
        yield Sentence(f"{split}-{number:04d}", tokens, tuple(draft.entities), tuple(draft.relations))


def generate_splits(sizes: Mapping[str, int] = SIZES, seed: int = 0) -> dict[str, list[Sentence]]:
    """Generates one list of sentences for each split.

    Args:
      sizes: the number of sentences, by split.
      seed: the seed, at least 0.
    """
    return {split: generate(size, split, seed) for split, size in sizes.items()}
