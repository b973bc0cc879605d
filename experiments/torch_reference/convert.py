"""Parameters between the two networks, both ways; their gradients convert alike.

A leaf of the Linen tree is one tensor of the PyTorch module, or two where a BiLSTM's directions are stacked.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
import torch
from torch import Tensor, nn

from cman_jax.types import Constants, Params


class Rule(NamedTuple):
    """How one leaf converts."""

    names: tuple[str, ...]  # PyTorch's
    split: Callable[[np.ndarray], Sequence[np.ndarray]]
    join: Callable[[Sequence[np.ndarray], tuple[int, ...]], np.ndarray]  # given the leaf's shape


def to_torch_params(params: Params, constants: Constants) -> dict[str, Tensor]:
    """A state dict, short of the second biases that PyTorch's LSTMs have and that stay zero."""
    state = {}
    for path, leaf in _leaves(params):
        rule = rule_of(path)
        for name, array in zip(rule.names, rule.split(np.asarray(leaf)), strict=True):
            state[name] = torch.tensor(np.ascontiguousarray(array))
    if constants:
        state["word.weight"] = torch.tensor(np.asarray(constants["word"]["vectors"]))
    return state


def to_jax_params(state: Mapping[str, Tensor], like: Params) -> Params:
    """The inverse. Args: like: the tree of parameters, or of their shapes."""

    def leaf(path: tuple, shape: Any) -> np.ndarray:
        rule = rule_of(_path_name(path))
        return rule.join([state[name].detach().cpu().numpy() for name in rule.names], shape.shape)

    return jax.tree_util.tree_map_with_path(leaf, like)


def load_params(model: nn.Module, params: Params, constants: Constants) -> None:
    """Puts JAX parameters into the PyTorch network.

    Raises:
      ValueError: names that either side lacks.
    """
    missing, unexpected = model.load_state_dict(to_torch_params(params, constants), strict=False)
    missing = [name for name in missing if ".bias_hh" not in name]
    if missing or unexpected:
        raise ValueError(f"missing {missing}, unexpected {unexpected}")


def gradients(model: nn.Module, like: Params) -> Params:
    """`.grad` of every trained tensor as a tree of the JAX network's form."""
    return to_jax_params({n: p.grad for n, p in model.named_parameters() if p.grad is not None}, like)


def rule_of(path: str) -> Rule:
    """Args: path: of a leaf in the Linen tree, with dots."""
    path = re.sub(r"^(bsa|bla)_(\d+)", r"\1.\2", path)
    module, _, name = path.rpartition(".")
    if "bilstm" in path:
        lstm = module.removesuffix(".gates") + ".lstm"
        start = {"recurrent_kernel": "weight_hh", "kernel": "weight_ih", "bias": "bias_ih"}[name]
        names = (f"{lstm}.{start}_l0", f"{lstm}.{start}_l0_reverse")
        return Rule(names, lambda x: [x[0].T, x[1].T], lambda xs, _: np.stack([x.T for x in xs]))
    if name == "kernel":
        return Rule((f"{module}.weight",), _split_kernel, lambda xs, shape: xs[0].T.reshape(shape))
    if module == "word.words":
        module = "word"
    renamed = {"embedding": "weight", "scale": "weight"}.get(name, name)
    flat = module in ("tagging.scores", "tagging.emissions")
    return Rule(
        (f"{module}.{renamed}",),
        lambda x: [x.reshape(-1) if flat else x],
        lambda xs, shape: xs[0].reshape(shape),
    )


def _split_kernel(x: np.ndarray) -> list[np.ndarray]:
    return [x.reshape(len(x), -1).T]


def _leaves(tree: Params) -> list[tuple[str, Any]]:
    return [(_path_name(path), leaf) for path, leaf in jax.tree_util.tree_leaves_with_path(tree)]


def _path_name(path: tuple) -> str:
    return ".".join(key.key for key in path)
