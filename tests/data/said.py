"""Comparisons of a batch with its sentences."""

from collections.abc import Sequence

from cman_jax.data.batching import encode
from cman_jax.data.vocab import PADDING_CHAR
from cman_jax.types import Batch, Sentence
from tests.builders import SENTENCES, vocabs_of

VOCABS = vocabs_of(SENTENCES)


def spelling_at(batch: Batch, b: int, i: int) -> tuple[int, ...]:
    """Returns the character ids of token i of sentence b, as the batch's tables contain them."""
    row = batch.char_rows[b, i]
    for table in batch.char_ids:
        if row < len(table):
            return tuple(int(char) for char in table[row] if char != PADDING_CHAR)
        row -= len(table)
    raise AssertionError("a row beyond the last table")


def assert_contains_sentences(batch: Batch, sentences: Sequence[Sentence]) -> None:
    """Asserts that a batch contains the ids, spellings, mask and gold cells of its sentences."""
    assert batch.mask.sum(1).tolist()[: len(sentences)] == [len(s.tokens) for s in sentences]
    for b, sentence in enumerate(sentences):
        example, n = encode(sentence, VOCABS), len(sentence.tokens)
        assert batch.mask[b, :n].all()
        assert batch.word_ids[b, :n].tolist() == example.word_ids.tolist()
        assert batch.tags[b, :n].tolist() == example.tags.tolist()
        cells = [tuple(cell) for cell in batch.relation_cells[b] if cell[0] < batch.mask.shape[1]]
        assert cells == [tuple(cell) for cell in example.relation_cells]
        for i, token in enumerate(sentence.tokens):
            assert spelling_at(batch, b, i) == VOCABS.spelling(token)
