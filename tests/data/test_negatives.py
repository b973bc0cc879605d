"""Tests of sentences without relations: how they are read, and how they join the training sentences."""

from pathlib import Path

import pytest

from cman_jax.data.annotated import AnnotatedCorpus
from cman_jax.data.negatives import mix_negatives, read_negatives
from cman_jax.errors import InputError
from cman_jax.types import Entity, Sentence
from tests.builders import SENTENCES

CORPUS = AnnotatedCorpus({"train": [*SENTENCES] * 4, "dev": [SENTENCES[0]]}, "canonical", [], [], drawn=False)


def file_of(folder: Path, count: int) -> Path:
    """Returns a file of so many lines of text."""
    (folder / "quiet.txt").write_text("".join(f"It rained in {number}.\n\n" for number in range(count)))
    return folder / "quiet.txt"


def test_json_keeps_its_entities_and_empty_lines_do_not_count(tmp_path: Path) -> None:
    path = tmp_path / "quiet.jsonl"
    entity = '{"start": 0, "end": 1, "type": "Peop"}'
    path.write_text(f'["It", "rained"]\n\n{{"tokens": ["Ann", "slept"], "entities": [{entity}]}}\n')
    assert read_negatives(path) == [
        Sentence("1", ("It", "rained")),
        Sentence("3", ("Ann", "slept"), (Entity(0, 1, "Peop"),)),
    ]


def test_they_make_up_the_share_of_the_training_sentences(tmp_path: Path) -> None:
    path = file_of(tmp_path, 100)
    mixed = mix_negatives(CORPUS, path, 0.2, seed=0)
    train = CORPUS.splits["train"]
    own, added = mixed.splits["train"][: len(train)], mixed.splits["train"][len(train) :]
    assert (own, mixed.splits["dev"]) == (train, CORPUS.splits["dev"])
    assert len(added) == len(train) / 4
    assert all(sentence.id.startswith("quiet:") and not sentence.entities for sentence in added)
    assert len({sentence.tokens for sentence in added}) == len(added)
    assert mixed.notes == [f"negatives: {len(added)} of 100 sentences of {path}, 20.0 % of train"]
    assert mixed.drawn
    assert mix_negatives(CORPUS, path, 0.2, seed=0) == mixed
    assert mix_negatives(CORPUS, path, 0.2, seed=1) != mixed


def test_too_few_are_all_taken(tmp_path: Path) -> None:
    mixed = mix_negatives(CORPUS, file_of(tmp_path, 2), 0.9, seed=0)
    assert len(mixed.splits["train"]) == len(CORPUS.splits["train"]) + 2
    assert "2 of 2 sentences" in mixed.notes[-1]


def test_an_id_of_a_training_sentence_is_refused(tmp_path: Path) -> None:
    corpus = CORPUS._replace(splits={"train": [SENTENCES[0]._replace(id="quiet:1")]})
    with pytest.raises(InputError, match=r"quiet.txt: found the id 'quiet:1' of a training sentence"):
        mix_negatives(corpus, file_of(tmp_path, 1), 0.5, seed=0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "found no such file, expected sentences without relations, one per line"),
        (b"\n\n", "found no sentence, expected sentences without relations, one per line"),
        (b'["a", 1]\n', "found "),
        (
            b'{"tokens": ["Ann", "slept"], "entities": [{"start": 0, "end": 1, "type": "P"}, '
            b'{"start": 1, "end": 2, "type": "P"}], "relations": [{"subject": 0, "object": 1, "type": "R"}]}',
            "found a relation R in sentence '1', expected sentences without relations",
        ),
        (b'["a"]\n\xff\n', "found bytes that are not valid UTF-8"),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "quiet.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError) as error:
        read_negatives(path)
    assert str(error.value).startswith(str(path))
    assert message in str(error.value)
    assert "\n" not in str(error.value)
