"""Tests that parameters convert to PyTorch and back bit for bit, and that a batch loses only its padding."""

from collections.abc import Sequence

import jax
import numpy as np
import pytest

pytest.importorskip("torch", reason="needs PyTorch, which is an extra")

import torch

from cman_jax.types import Sentence
from experiments.torch_reference.batch import to_torch
from experiments.torch_reference.convert import load_params, to_jax_params, to_torch_params
from experiments.torch_reference.network import TorchCMAN
from tests.builders import STILL, changed
from tests.experiments.torch_reference.twins import BATCH_SIZE, CASES, LENGTH, Twins, make_twins


@pytest.fixture(scope="module")
def twins(sentences: list[Sentence]) -> Twins:
    return make_twins(STILL, sentences)


@pytest.mark.parametrize("config", CASES.values(), ids=CASES)
def test_parameters_convert_to_pytorch_and_back(config: object, sentences: list[Sentence]) -> None:
    twins = make_twins(config, sentences)
    state = to_torch_params(twins.params, twins.constants)
    for found in (state, twins.network.state_dict()):
        back = to_jax_params(found, twins.params)
        jax.tree.map(np.testing.assert_array_equal, back, twins.params)
        assert all(leaf.dtype == np.float32 for leaf in jax.tree.leaves(back))
    names = {name for name, _ in twins.network.named_parameters() if ".bias_hh" not in name}
    assert set(state) == names
    assert twins.network.word.weight.requires_grad == (not twins.constants)


def test_the_second_biases_are_zero_and_not_trained(twins: Twins) -> None:
    biases = [p for name, p in twins.network.named_parameters() if ".bias_hh" in name]
    assert len(biases) == 2 * 6  # two directions each of characters, two BSA, two BLA, fusion
    assert not any(bias.any() or bias.requires_grad for bias in biases)


def test_parameters_of_another_network_are_refused(twins: Twins) -> None:
    sizes = twins.vocabs.sizes
    without = TorchCMAN(changed(STILL, self_attention=False), sizes)
    with pytest.raises(ValueError, match=r"missing \[\], unexpected \['bsa\.0\.attention\.key\.weight'"):
        load_params(without, twins.params, {})
    fewer = {name: tree for name, tree in twins.params.items() if name != "relation"}
    with pytest.raises(ValueError, match=r"missing \['relation\.bias', .*\], unexpected \[\]"):
        load_params(TorchCMAN(STILL, sizes), fewer, {})
    with pytest.raises(RuntimeError, match=r"size mismatch for relation\.output"):
        load_params(TorchCMAN(changed(STILL, scorer_dim=3), sizes), twins.params, {})


def some(sentences: Sequence[Sentence]) -> list[Sentence]:
    """Returns fewer sentences than a batch holds, shorter than the bucket and with repeated words."""
    return [s for s in sentences if s.relations and len(s.tokens) < LENGTH][: BATCH_SIZE - 1]


def test_a_batch_loses_only_its_padding(twins: Twins, sentences: list[Sentence]) -> None:
    chosen = some(sentences)
    lengths = [len(sentence.tokens) for sentence in chosen]
    batch = to_torch(twins.batch(chosen))
    assert batch.lengths.sorted[batch.lengths.inverse].tolist() == lengths
    assert batch.mask.shape == (len(chosen), max(lengths))
    char_lengths = batch.char_lengths.sorted[batch.char_lengths.inverse].tolist()
    cells = []
    for row, sentence in enumerate(chosen):
        n, vocabs = lengths[row], twins.vocabs
        assert batch.mask[row].tolist() == [True] * n + [False] * (max(lengths) - n)
        assert batch.word_ids[row, :n].tolist() == [vocabs.word_id(token) for token in sentence.tokens]
        for token, at in zip(sentence.tokens, batch.char_rows[row].tolist(), strict=False):
            assert batch.char_ids[at, : char_lengths[at]].tolist() == list(vocabs.spelling(token))
        ends = [entity.end - 1 for entity in sentence.entities]
        types = [vocabs.relation_ids[relation.type] for relation in sentence.relations]
        pairs = zip(sentence.relations, types, strict=True)
        cells += [[row, ends[r.subject], ends[r.object], k] for r, k in pairs]
    assert sorted(batch.relation_cells.tolist()) == sorted(cells)


def test_encoding_distinct_words_changes_no_output(twins: Twins, sentences: list[Sentence]) -> None:
    batch = twins.batch(some(sentences))
    each, distinct = to_torch(batch), to_torch(batch, distinct_words=True)
    assert len(distinct.char_ids) < len(each.char_ids) == each.mask.sum()
    with torch.inference_mode():
        expected, actual = (twins.network(twins.network.encode_inputs(b), b) for b in (each, distinct))
    for a, e in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, e, rtol=1e-5, atol=1e-5)
