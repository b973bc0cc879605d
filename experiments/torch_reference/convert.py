"""The conversion of parameters between the JAX and the PyTorch network, in both directions.

Gradients convert in the same way. A leaf of the Linen tree corresponds to one tensor of the PyTorch module.
A leaf that stacks the two directions of a BiLSTM corresponds to two tensors.
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
    """The conversion of one leaf.

    Attributes:
      names: the names of the PyTorch tensors.
      split: splits the leaf into the arrays of the PyTorch tensors.
      join: joins the arrays of the PyTorch tensors to a leaf of the given shape.
    """

    names: tuple[str, ...]
    split: Callable[[np.ndarray], Sequence[np.ndarray]]
    join: Callable[[Sequence[np.ndarray], tuple[int, ...]], np.ndarray]


def to_torch_params(params: Params, constants: Constants) -> dict[str, Tensor]:
    """Converts JAX parameters to a PyTorch state dict.

    The state dict lacks the second biases of PyTorch's LSTMs, which stay zero.

    Args:
      params: the parameters of the JAX network.
      constants: the constants of the JAX network, such as frozen word vectors; may be empty.
    """
    state = {}
    for path, leaf in _leaves(params):
        rule = rule_of(path)
        for name, array in zip(rule.names, rule.split(np.asarray(leaf)), strict=True):
            state[name] = torch.tensor(np.ascontiguousarray(array))
    if constants:
        state["word.weight"] = torch.tensor(np.asarray(constants["word"]["vectors"]))
    return state


def to_jax_params(state: Mapping[str, Tensor], like: Params) -> Params:
    """Converts a PyTorch state dict to JAX parameters; the inverse of `to_torch_params`.

    Args:
      state: tensors by their names in the PyTorch network.
      like: a tree of the JAX network's parameters, or of their shapes.
    """

    def leaf(path: tuple, shape: Any) -> np.ndarray:
        rule = rule_of(_path_name(path))
        return rule.join([state[name].detach().cpu().numpy() for name in rule.names], shape.shape)

    return jax.tree_util.tree_map_with_path(leaf, like)


def load_params(model: nn.Module, params: Params, constants: Constants) -> None:
    """Loads JAX parameters into the PyTorch network.

    Args:
      model: the PyTorch network.
      params: the parameters of the JAX network.
      constants: the constants of the JAX network, such as frozen word vectors; may be empty.

    Raises:
      ValueError: the two networks have different parameters.
      RuntimeError: a parameter has different shapes in the two networks.
    """
    missing, unexpected = model.load_state_dict(to_torch_params(params, constants), strict=False)
    missing = [name for name in missing if ".bias_hh" not in name]
    if missing or unexpected:
        found = f"missing {missing}, unexpected {unexpected}"
        raise ValueError(f"the JAX parameters do not fit the PyTorch network: {found}")


def gradients(model: nn.Module, like: Params) -> Params:
    """Returns the gradients of the PyTorch network as a tree like the JAX network's parameters.

    Args:
      model: the PyTorch network, after a backward pass.
      like: a tree of the JAX network's parameters, or of their shapes.
    """
    return to_jax_params({n: p.grad for n, p in model.named_parameters() if p.grad is not None}, like)


def rule_of(path: str) -> Rule:
    """Returns the conversion rule of a leaf.

    Args:
      path: the path of the leaf in the Linen tree, with dots between its parts.
    """
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
    """Returns the kernel of a Linen layer as the weight of a PyTorch layer, [outputs, inputs]."""
    return [x.reshape(len(x), -1).T]


def _leaves(tree: Params) -> list[tuple[str, Any]]:
    """Returns the leaves of a tree with their paths."""
    return [(_path_name(path), leaf) for path, leaf in jax.tree_util.tree_leaves_with_path(tree)]


def _path_name(path: tuple) -> str:
    """Returns a path of JAX's tree functions as text with dots."""
    return ".".join(key.key for key in path)
