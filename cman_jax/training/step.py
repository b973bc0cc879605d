"""One training step as a pure function, with the same body on one device and on many.

One backward pass computes the parameters' gradient and the `∂L/∂x` that makes η. The token input and the
labels' encodings are not perturbed, so they are computed, and differentiated, once for both passes.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from cman_jax.layers.dropout import dealt_out
from cman_jax.layers.platform import by_platform
from cman_jax.model.network import JointNetwork
from cman_jax.training.adversarial import perturbation
from cman_jax.training.losses import Objective, loss_terms
from cman_jax.training.vectors import Vectors, as_vectors
from cman_jax.types import Batch, Constants, LossTerms, Params


class TrainState(NamedTuple):
    """Everything that training changes.

    Attributes:
      step: number of steps taken.
      params: the parameters.
      opt_state: the state of the optimiser, for the parameters as vectors.
    """

    step: Int[Array, ""]
    params: Params
    opt_state: optax.OptState

    @classmethod
    def start(cls, params: Params, optimizer: optax.GradientTransformation) -> "TrainState":
        """Returns the state before the first step."""
        return cls(jnp.zeros((), jnp.int32), params, optimizer.init(as_vectors(params)[0]))


class Metrics(NamedTuple):
    """The metrics of one step; losses are in nats per sentence.

    Attributes:
      ner_loss, relation_loss: the losses on the unperturbed input.
      adversarial_loss: the sum of both losses on the perturbed input; 0 without a second pass.
      gradient_norm: the norm of the whole gradient, before clipping.
      num_sentences: number of sentences in the batch.
    """

    ner_loss: Float[Array, ""]
    relation_loss: Float[Array, ""]
    adversarial_loss: Float[Array, ""]
    gradient_norm: Float[Array, ""]
    num_sentences: Float[Array, ""]


def train_step(
    model: JointNetwork,
    optimizer: optax.GradientTransformation,
    objective: Objective,
    state: TrainState,
    constants: Constants,
    batch: Batch,
    key: PRNGKeyArray,
    *,
    axis_name: str | None = None,
) -> tuple[TrainState, Metrics]:
    """Returns the state after one update on `L(x) + L(x + η)`, Eq. (14), and the step's metrics.

    If a metric is not finite, parameters and optimiser stay as they are; the step is counted all the same.

    Args:
      objective: the settings of the loss; without a perturbation, the second pass is left out.
      constants: arrays that are not trained.
      batch: the sentences of this device; padding sentences do not count. Device k of D has the sentences k,
        k + D, k + 2 D ... of the whole batch.
      key: the key of the whole run, from which the step's keys follow with `state.step`.
      axis_name: the axis of devices. Sums and counts are added up over it before the one division.
    """
    dropout_key = jax.random.fold_in(key, state.step)
    *dropout_keys, encoder_key = (jax.random.fold_in(dropout_key, k) for k in range(3))
    total = _sum_over_devices(batch.mask.any(1).sum().astype(jnp.float32), axis_name)

    def encode(params: Params) -> tuple:
        inputs = _apply(model, params, constants, batch, key=encoder_key, method="encode_inputs")
        return inputs, _apply(model, params, constants, batch.tags, batch.mask, method="encode_labels")

    def loss(params: Params, inputs: Array, label_states: tuple, dropout_key: PRNGKeyArray) -> tuple:
        arguments = (inputs, label_states, batch.mask)
        potentials = _apply(model, params, constants, *arguments, key=dropout_key, method="potentials")
        terms = loss_terms(potentials, batch, objective, null_relation=model.config.null_relation)
        return (terms.ner + terms.relation) / total, terms

    # Only jitted so that both passes share one trace; the compiler inlines it.
    gradient = jax.jit(jax.value_and_grad(loss, (0, 1, 2), has_aux=True))
    with dealt_out(axis_name):
        (inputs, label_states), encode_vjp = jax.vjp(encode, state.params)
        (_, clean), gradients = gradient(state.params, inputs, label_states, dropout_keys[0])
        perturbed = LossTerms(*jnp.zeros((2,)))
        if objective.alpha > 0:
            shifted = inputs + perturbation(gradients[1], batch.mask, objective.alpha)
            (_, perturbed), more = gradient(state.params, shifted, label_states, dropout_keys[1])
            gradients = jax.tree.map(jnp.add, gradients, more)
    (through_encoders,) = encode_vjp(gradients[1:])
    vectors, unravel = as_vectors(jax.tree.map(jnp.add, gradients[0], through_encoders))
    vectors, clean, perturbed = _sum_over_devices((vectors, clean, perturbed), axis_name)

    metrics = Metrics(
        ner_loss=clean.ner / total,
        relation_loss=clean.relation / total,
        adversarial_loss=(perturbed.ner + perturbed.relation) / total,
        gradient_norm=optax.tree.norm(vectors),
        num_sentences=total,
    )
    finite = jnp.isfinite(jnp.stack(metrics)).all()
    return _updated(optimizer, state, vectors, unravel, finite), metrics


def _updated(
    optimizer: optax.GradientTransformation,
    state: TrainState,
    gradient: Vectors,
    unravel: Callable[[Vectors], Params],
    finite: Bool[Array, ""],
) -> TrainState:
    """Returns the state after a step; only the count of steps changes unless its numbers are finite.

    A branch costs nothing on the CPU, where choosing number by number takes more passes over main memory. On
    NVIDIA GPUs the host would wait for a branch at every step.
    """

    def update(before: tuple[Params, optax.OptState]) -> tuple[Params, optax.OptState]:
        updates, opt_state = optimizer.update(gradient, before[1], as_vectors(before[0])[0])
        return optax.apply_updates(before[0], unravel(updates)), opt_state

    def chosen(finite: Bool[Array, ""], before: tuple) -> tuple:
        return jax.tree.map(partial(jnp.where, finite), update(before), before)

    def branch(finite: Bool[Array, ""], before: tuple) -> tuple:
        return jax.lax.cond(finite, update, lambda same: same, before)

    before = state.params, state.opt_state
    return TrainState(state.step + 1, *by_platform(finite, before, cuda=chosen, default=branch))


def _apply(
    model: JointNetwork,
    params: Params,
    constants: Constants,
    *arguments: Any,
    method: str,
    key: PRNGKeyArray | None = None,
) -> Any:
    """Returns the output of a method of the network, in training if there is a key of dropout."""
    training = {} if key is None else {"train": True, "rngs": {"dropout": key}}
    return model.apply({"params": params, "constants": constants}, *arguments, method=method, **training)


def _sum_over_devices(tree: Any, axis_name: str | None) -> Any:
    """Returns the sums over all devices; without a device axis, the tree itself."""
    return tree if axis_name is None else jax.lax.psum(tree, axis_name)
