"""`train_step` together with what it computes on the way: potentials, gradient and perturbation."""

from typing import Any, NamedTuple
from unittest import mock

import jax
import optax
from jax.flatten_util import ravel_pytree

from cman_jax.config import TrainingConfig
from cman_jax.model.cman import CMAN
from cman_jax.training import step
from cman_jax.training.adversarial import perturbation
from cman_jax.training.losses import Objective, loss_terms
from cman_jax.training.optimizer import make_optimizer
from cman_jax.types import Batch, Constants, Params, Potentials


class Terms(NamedTuple):
    """`LossTerms` together with the potentials that they are computed from."""

    ner: Any
    relation: Any
    potentials: Potentials


class ObservedStep:
    """`train_step` of a network, with one update per call.

    Attributes:
      state: the state after the last update.
      potentials: the potentials of the last update's unperturbed pass.
    """

    potentials: Potentials

    def __init__(self, model: CMAN, params: Params, constants: Constants, training: TrainingConfig):
        keep = optax.GradientTransformation(lambda params: params, lambda updates, *_: (updates, updates))
        self._model, self._constants, self._objective = model, constants, Objective.of(training)
        self._optimizer = optax.chain(keep, make_optimizer(training))
        self._unravel = ravel_pytree(params)[1]
        self._run = jax.jit(self._step)
        self.restart(params)

    def restart(self, params: Params) -> None:
        """Starts again from these parameters, without compiling again."""
        self.state = step.TrainState.start(params, self._optimizer)

    def __call__(self, batch: Batch) -> tuple[step.Metrics, Any]:
        """Takes one update; returns the metrics and η."""
        self.state, *seen = self._run(self.state, self._constants, batch)
        metrics, eta, self.potentials = jax.device_get(seen)
        return metrics, eta

    @property
    def gradients(self) -> Params:
        """Returns the gradient of the last update, before clipping."""
        return jax.device_get(self._unravel(self.state.opt_state[0]))

    def _step(self, state: step.TrainState, constants: Constants, batch: Batch) -> tuple:
        """Returns the state, the metrics, η and the potentials of one update."""
        etas, passes = [], []

        def noted(*arguments: Any) -> Any:
            etas.append(perturbation(*arguments))
            return etas[-1]

        def with_potentials(potentials: Potentials, batch: Batch, *objective: Any, **options: Any) -> Terms:
            return Terms(*loss_terms(potentials, batch, *objective, **options), potentials)

        def sums(tree: Any, axis_name: None) -> Any:
            members = tree if isinstance(tree, tuple) else ()
            passes.extend(terms for terms in members if isinstance(terms, Terms))
            return tree

        arguments = (self._model, self._optimizer, self._objective, state, constants, batch)
        seams = {"perturbation": noted, "loss_terms": with_potentials, "_sum_over_devices": sums}
        with mock.patch.multiple(step, **seams):
            state, metrics = step.train_step(*arguments, jax.random.key(0))
        return state, metrics, etas[0], passes[0].potentials
