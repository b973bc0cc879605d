"""Tests that BiLSTM, chain and relation scorer agree in JAX and in PyTorch, each in a hundred random shapes.

PyTorch computes exactly the drawn shape. As in the library, JAX pads it to the smallest of a few buckets that
holds it. So one program is compiled per bucket, not per shape.
"""

import functools
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch", reason="needs PyTorch, which is an extra")

import torch
from torch import nn

from cman_jax.config import ModelConfig
from cman_jax.layers import crf
from cman_jax.layers.lstm import BiLSTM
from cman_jax.model.relation import RelationScorer
from cman_jax.model.tagging import TaggingPotentials
from cman_jax.types import Params
from experiments.torch_reference import crf as torch_crf
from experiments.torch_reference import modules
from experiments.torch_reference.batch import Lengths
from experiments.torch_reference.convert import gradients, load_params
from tests.builders import lengths_to_mask, normal, random_variables

BUCKETS = ((1, 1), (3, 6), (6, 17))  # sentences, tokens
lengths_of_sentences = st.lists(st.integers(1, BUCKETS[-1][1]), min_size=1, max_size=BUCKETS[-1][0])


def in_a_hundred_shapes(check: Callable, *strategies: st.SearchStrategy) -> None:
    """Calls `check` with a hundred different shapes, the same in every run."""
    shapes = set()

    @settings(deadline=None, derandomize=True, max_examples=100)
    @given(st.tuples(*strategies))
    def each(shape: tuple[Any, ...]) -> None:
        shapes.add(repr(shape))
        check(*shape)

    each()
    assert len(shapes) == 100


def numbers(shape: Any, *sizes: int) -> np.ndarray:
    """Returns Gaussian random numbers that depend only on the shape."""
    return normal(zlib.crc32(repr((shape, sizes)).encode()), *sizes)


def padded(x: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    """Returns x padded with zeros at the end of every axis."""
    return np.pad(x, [(0, size - own) for own, size in zip(x.shape, sizes, strict=True)])


def bucket_of(size: int, length: int) -> tuple[int, int]:
    return next(bucket for bucket in BUCKETS if size <= bucket[0] and length <= bucket[1])


def assert_same(actual: Any, expected: Any) -> None:
    """Raises AssertionError unless two trees agree, each leaf to 1e-5 times its largest entry or times 1."""
    for a, e in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, e, rtol=0, atol=1e-5 * max(1, np.abs(e).max()))


def on_host(function: Callable) -> Callable:
    """Returns the compiled function with NumPy results, because slicing a device array compiles per shape."""
    compiled = jax.jit(function)
    return lambda *arguments: jax.device_get(compiled(*arguments))


class Twin(nn.Module):
    """A PyTorch module with the parameters of its JAX twin, under the name that the converter knows."""

    def __init__(self, name: str, module: nn.Module, params: Params):
        super().__init__()
        self.add_module(name, module)
        self.module, self.like = [module], {name: params}
        load_params(self, self.like, {})

    def values_and_gradients(self, x: np.ndarray, weights: np.ndarray, *rest: Any) -> tuple[Any, ...]:
        """Returns the output and the gradients of its weighted sum with respect to the parameters and x."""
        self.zero_grad()
        tensor = torch.tensor(x, requires_grad=True)
        output = self.module[0](tensor, *rest)
        (output * torch.tensor(weights)).sum().backward()
        (found,) = gradients(self, self.like).values()
        return output.detach().numpy(), found, tensor.grad.numpy()


def values_and_gradients(module: Any) -> Callable:
    """Returns a compiled function that does for a Linen module what `Twin.values_and_gradients` does."""

    def run(params: Params, x: Any, weights: Any, *rest: Any) -> tuple[Any, ...]:
        output, pull = jax.vjp(lambda params, x: module.apply({"params": params}, x, *rest), params, x)
        return output, *pull(weights)

    return on_host(run)


@functools.cache
def bilstm_pair(width: int, dim: int) -> tuple[Callable, Params, Twin]:
    module = BiLSTM(dim)
    params = random_variables(module, np.zeros((1, 1, width), np.float32), np.ones((1, 1), bool))["params"]
    return values_and_gradients(module), params, Twin("bilstm", modules.BiLSTM(width, dim), params)


def test_bilstm() -> None:
    def check(lengths: list[int], widths: tuple[int, int]) -> None:
        run, params, twin = bilstm_pair(*widths)
        b, n = len(lengths), max(lengths)
        bucket, mask = bucket_of(b, n), lengths_to_mask(lengths, n)
        x, weights = numbers(lengths, b, n, widths[0]), numbers(lengths, b, n, 2 * widths[1])
        arrays = (padded(x, (*bucket, x.shape[2])), padded(weights, (*bucket, weights.shape[2])))
        output, d_params, d_x = run(params, *arrays, padded(mask, bucket))
        expected = twin.values_and_gradients(x, weights, Lengths.of(torch.tensor(lengths)))
        assert_same(expected, (output[:b, :n], d_params, d_x[:b, :n]))

    in_a_hundred_shapes(check, lengths_of_sentences, st.sampled_from([(5, 3), (2, 8)]))


@functools.cache
def scorer_pair(kind: str, width: int, hidden: int, num_relations: int) -> tuple[Callable, Params, Twin]:
    module = RelationScorer(num_relations, hidden, kind, 0.01)
    params = random_variables(module, np.zeros((1, 1, width), np.float32), scale=0.5)["params"]
    config = ModelConfig(lstm_dim=width // 2, scorer_dim=hidden, relation_scorer=kind)
    return (
        values_and_gradients(module),
        params,
        Twin("relation", modules.RelationScorer(num_relations, config), params),
    )


@pytest.mark.parametrize("kind", ["per_relation", "shared"])
def test_relation_scorer(kind: str) -> None:
    def check(b: int, n: int, widths: tuple[int, int, int]) -> None:
        run, params, twin = scorer_pair(kind, *widths)
        bucket, r = bucket_of(b, n), widths[2]
        x, weights = numbers((), b, n, widths[0]), numbers((), b, n, n, r)
        output, d_params, d_x = run(
            params, padded(x, (*bucket, widths[0])), padded(weights, (*bucket, bucket[1], r))
        )
        expected = twin.values_and_gradients(x, weights)
        assert_same(expected, (output[:b, :n, :n], d_params, d_x[:b, :n]))

    widths = st.sampled_from([(4, 7, 5), (6, 3, 1)])
    in_a_hundred_shapes(check, st.integers(1, BUCKETS[-1][0]), st.integers(1, BUCKETS[-1][1]), widths)


@functools.cache
def chain_pair(kind: str, width: int, num_tags: int) -> tuple[Callable, Params, torch_crf.TaggingPotentials]:
    module = TaggingPotentials(num_tags, kind)
    params = random_variables(module, np.zeros((1, 1, width), np.float32), np.ones((1, 1), bool))["params"]

    def run(params: Params, x: Any, tags: Any, mask: Any) -> tuple[Any, ...]:
        potentials = module.apply({"params": params}, x, mask)
        score = crf.sequence_score(potentials, tags, mask)
        return crf.log_partition(potentials, mask), score, crf.viterbi(potentials, mask)

    twin = torch_crf.TaggingPotentials(width, num_tags, kind)
    return on_host(run), params, Twin("tagging", twin, params).module[0]


@pytest.mark.parametrize("kind", ["pairwise", "factored"])
def test_chain(kind: str) -> None:
    def check(lengths: list[int], widths: tuple[int, int]) -> None:
        run, params, twin = chain_pair(kind, *widths)
        b, n = len(lengths), max(lengths)
        bucket, mask = bucket_of(b, n), lengths_to_mask(lengths, n)
        x = numbers(lengths, b, n, widths[0])
        tags = np.abs(numbers(lengths, b, n) * 100).astype(np.int32) % widths[1]
        arrays = (padded(x, (*bucket, widths[0])), padded(tags, bucket), padded(mask, bucket))
        log_partition, score, path = run(params, *arrays)
        real = torch.tensor(mask)
        with torch.inference_mode():
            potentials = twin(torch.tensor(x), real)
            assert_same(torch_crf.log_partition(potentials, real).numpy(), log_partition[:b])
            gold = torch.tensor(tags, dtype=torch.int64)
            assert_same(torch_crf.sequence_score(potentials, gold, real).numpy(), score[:b])
            np.testing.assert_array_equal(torch_crf.viterbi(potentials, real), path[:b, :n])

    in_a_hundred_shapes(check, lengths_of_sentences, st.sampled_from([(3, 9), (4, 2)]))
