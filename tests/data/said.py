"""What a batch says of its tokens, to compare with what their sentences say."""

from collections.abc import Sequence

from cman_jax.data.batching import encode
from cman_jax.data.vocab import PADDING_CHAR
from cman_jax.types import Batch, Sentence
from tests.builders import SENTENCES, vocabs_of

VOCABS = vocabs_of(SENTENCES)


def spelled(batch: Batch, b: int, i: int) -> tuple[int, ...]:
    """The characters that a token's row says it has."""
    row = batch.char_rows[b, i]
    for table in batch.char_ids:
        if row < len(table):
            return tuple(int(char) for char in table[row] if char != PADDING_CHAR)
        row -= len(table)
    raise AssertionError("a row beyond the last table")


def assert_says_its_sentences(batch: Batch, sentences: Sequence[Sentence]) -> None:
    """Every token's ids and spelling, the mask and the gold cells are those of the sentences."""
    assert batch.mask.sum(1).tolist()[: len(sentences)] == [len(s.tokens) for s in sentences]
    for b, sentence in enumerate(sentences):
        example, n = encode(sentence, VOCABS), len(sentence.tokens)
        assert batch.mask[b, :n].all()
        assert batch.word_ids[b, :n].tolist() == example.word_ids.tolist()
        assert batch.tags[b, :n].tolist() == example.tags.tolist()
        cells = [tuple(cell) for cell in batch.relation_cells[b] if cell[0] < batch.mask.shape[1]]
        assert cells == [tuple(cell) for cell in example.relation_cells]
        for i, token in enumerate(sentence.tokens):
            assert spelled(batch, b, i) == VOCABS.spelling(token)
