"""Tests of tokenisers that mark the space before a word: every word is split like a word after a space."""

import json
from pathlib import Path
from typing import Any

import pytest

from cman_jax.encoders.pieces import WordPieces, parse_tokenizer
from cman_jax.errors import InputError

pytest.importorskip("tokenizers", reason="needs the extra encoders")
from tokenizers import Tokenizer, models, processors

WORDS = ["the", "town", "<s>", "", "the"]
BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
MARKS = {"type": "Metaspace", "replacement": "▁"}


def tokenizer(pre_tokenizer: Any, mark: str) -> WordPieces:
    """Returns a tokeniser of letters, of the mark of a space, and of "the" after a space."""
    pieces = ["<s>", "</s>", "<unk>", mark, *"thewon<>s/", f"{mark}t", "he", f"{mark}the"]
    merges = [(mark, "t"), ("h", "e"), (f"{mark}t", "he")]
    made = Tokenizer(models.BPE({piece: i for i, piece in enumerate(dict.fromkeys(pieces))}, merges))
    made.add_special_tokens(["<s>", "</s>"])
    content = json.loads(made.to_str()) | {"pre_tokenizer": pre_tokenizer}
    return parse_tokenizer(Path("t.json"), json.dumps(content).encode(), 99, ("<s>", "</s>"))


@pytest.mark.parametrize(
    ("pre_tokenizer", "mark"),
    [
        (BYTES, "Ġ"),
        (BYTES | {"add_prefix_space": True}, "Ġ"),
        (MARKS | {"prepend_scheme": "first", "split": True}, "▁"),
        (MARKS | {"prepend_scheme": "never", "split": True}, "▁"),
        (MARKS | {"add_prefix_space": True}, "▁"),
        (MARKS | {"add_prefix_space": False, "prepend_scheme": "never"}, "▁"),
        ({"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, MARKS]}, "▁"),
    ],
)
def test_every_word_is_split_like_a_word_after_a_space(pre_tokenizer: Any, mark: str) -> None:
    pieces = tokenizer(pre_tokenizer, mark)
    ids, words = pieces.split(WORDS)
    found = [pieces.tokenizer.id_to_token(i) for i in ids]
    assert found[:5] == [f"{mark}the", f"{mark}t", "o", "w", "n"]
    assert found[5:] in ([mark, "<", "s", ">", f"{mark}the"], [mark, "<", "s", ">", mark, f"{mark}the"])
    assert words.tolist()[:9] == [0, 1, 1, 1, 1, 2, 2, 2, 2]
    assert words[-1] == 4


@pytest.mark.parametrize(
    ("specials", "message"),
    [
        (
            ("[CLS]", "</s>"),
            r"no piece \[CLS\], expected the special pieces \[CLS\] and </s> of the family, or",
        ),
        (("<s>", "[SEP]"), r"no piece \[SEP\], expected"),
    ],
)
def test_special_pieces_of_another_family_are_refused(specials: tuple[str, str], message: str) -> None:
    content = tokenizer(BYTES, "Ġ").tokenizer.to_str().encode()
    with pytest.raises(InputError, match=message):
        parse_tokenizer(Path("t.json"), content, 99, specials)


@pytest.mark.parametrize("template", ["<s> $A </s>", "<s> $A", "<s> $A </s> </s>"])
def test_the_file_says_which_special_pieces_an_input_has(template: str) -> None:
    made = tokenizer(BYTES, "Ġ").tokenizer
    ids = [(name, made.token_to_id(name)) for name in ("<s>", "</s>")]
    made.post_processor = processors.TemplateProcessing(single=template, special_tokens=ids)
    content = made.to_str().encode()
    if template != "<s> $A </s>":
        with pytest.raises(InputError, match=r"special pieces .*<s>.* around an input, expected one before"):
            parse_tokenizer(Path("t.json"), content, 99, ("[CLS]", "[SEP]"))
        return
    found = parse_tokenizer(Path("t.json"), content, 99, ("[CLS]", "[SEP]"))
    assert [("<s>", found.cls), ("</s>", found.sep)] == ids
