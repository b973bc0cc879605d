"""Tests of batches of an exact shape: every token is real, and every annotation keeps its words."""

import numpy as np
import pytest

from cman_jax.config import to_dict
from cman_jax.configs.generated import get_config
from cman_jax.data.corpus import parse_sentence, to_json, write_jsonl
from cman_jax.types import Entity, Relation, Sentence
from data_prep.generated.corpus import generate
from experiments.benchmarking.settings import Settings
from experiments.benchmarking.workload import Workload, lay_end_to_end, share
from tests.builders import SENTENCES


@pytest.mark.parametrize(("length", "count"), [(1, 3), (8, 2), (32, 5), (96, 20)])
def test_sentences_have_the_exact_length_and_valid_annotations(length: int, count: int) -> None:
    sentences = generate(20, "train", 0)
    laid = lay_end_to_end(sentences, length, count)
    assert [len(sentence.tokens) for sentence in laid] == [length] * count
    for sentence in laid:
        assert parse_sentence(to_json(sentence), "laid", 1) == sentence
    assert length < 32 or any(sentence.relations for sentence in laid)


def test_a_short_text_repeats_and_annotations_across_a_cut_are_dropped() -> None:
    # "Ada Lovelace lived in London ." "Nobody came ." "Ben of Acme , London" "Rain": 15 tokens.
    first, second = lay_end_to_end(SENTENCES, 11, 2)
    assert first.tokens[:6] == SENTENCES[0].tokens
    assert first.entities == (Entity(0, 2, "Peop"), Entity(4, 5, "Loc"), Entity(9, 10, "Peop"))
    assert first.relations == (Relation(0, 1, "Live_In"),)
    assert second.tokens == ("Acme", ",", "London", "Rain", *SENTENCES[0].tokens, "Nobody")
    assert second.entities[:2] == (Entity(0, 1, "Org"), Entity(2, 3, "Loc"))
    assert second.relations == (Relation(0, 1, "OrgBased_In"), Relation(2, 3, "Live_In"))


def test_entities_keep_their_words() -> None:
    def words(sentences: list[Sentence]) -> set[tuple[str, ...]]:
        return {s.tokens[e.start : e.end] for s in sentences for e in s.entities}

    sentences = generate(20, "train", 0)
    assert words(lay_end_to_end(sentences, 24, 8)) <= words(sentences)


def test_all_workers_read_the_same_parameters_and_full_batches(tmp_path) -> None:
    for split in ("train", "dev"):
        write_jsonl(tmp_path / "data" / f"{split}.jsonl", generate(12, split, 0))
    config = get_config()
    config.model.sequence_layer, config.model.label_attention, config.model.lstm_dim = "mlp", False, 8
    settings = Settings(to_dict(config), str(tmp_path / "data"), None, str(tmp_path))
    share(settings)
    one, other = Workload.load(settings), Workload.load(settings)
    assert one.batch(3, 8).mask.all()
    assert one.batch(3, 8).word_ids.shape == (3, 8)
    kernel = one.params["tagging"]["scores"]["kernel"]
    np.testing.assert_array_equal(kernel, other.params["tagging"]["scores"]["kernel"])
    assert kernel.std() > 0
