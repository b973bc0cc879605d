"""From examples to annotations, over many sentences of all lengths."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor

import numpy as np
from jaxtyping import Float, Int

from cman_jax.compilation import compiler_threads
from cman_jax.data.batching import Example, Plan, first_of_each, plan_batches
from cman_jax.data.long_sentences import plan_prediction
from cman_jax.errors import noting_what
from cman_jax.inference.decode import BLOCK, decode, decode_pairs
from cman_jax.inference.steps import SystemStep
from cman_jax.run.constraints import Constraints
from cman_jax.run.system import System, check_thresholds
from cman_jax.types import Annotation, Batch, Params, Predictions, TokenPredictions

_BLOCKS = (16, 64, BLOCK)  # shapes of tokens whose relations are scored together

Step = Callable[[Params, Batch], Predictions]
"""Predicts a batch."""


class Predictor:
    """Annotates examples with changing parameters. Attributes: system: the system.

    Sentences within the configured buckets are predicted in batches. Longer sentences are predicted one by
    one, in memory that grows with the number of tokens and not with its square.

    Args:
      step: predicts a batch of any length. None: the system's own network predicts.
      constraints: the entity types that a relation may connect; None: any.

    Raises:
      InputError: the config has thresholds for another number of relation types.
    """

    def __init__(self, system: System, step: Step | None = None, constraints: Constraints | None = None):
        self.system, self._constraints = system, constraints
        check_thresholds(system.config.decoding, system.vocabs)
        self._step = step or SystemStep(system)

    def prepare(self, compiler: Executor, params: Params, examples: Sequence[Example]) -> None:
        """Starts compiling the programs for these examples; the caller's own step needs none."""
        if isinstance(self._step, SystemStep):
            for plan in first_of_each(self._plans(examples), lambda plan: plan.length):
                batch, alone = self._collate(examples, plan), self._alone(plan)
                self._step.prepare(compiler, params, batch, alone=alone)

    def __call__(
        self,
        params: Params,
        examples: Sequence[Example],
        on_batch: Callable[[int], None] = lambda num_sentences: None,
    ) -> list[Annotation]:
        """Returns one annotation per example; `on_batch` is called with the size of every finished batch."""
        plans = self._plans(examples)
        annotations: dict[int, Annotation] = {}
        with compiler_threads() as compiler:
            if len({plan.length for plan in plans}) > 1:
                self.prepare(compiler, params, examples)
            for plan in plans:
                annotate = self._annotate_alone if self._alone(plan) else self._annotate
                shape = f"{self._size(plan)} sentences padded to {plan.length} tokens"
                with noting_what(f"predicting {shape}"):
                    batch = self._collate(examples, plan)
                    found = annotate(params, [examples[i] for i in plan.indices], batch)
                annotations |= zip(plan.indices, found, strict=True)
                on_batch(len(plan.indices))
        return [annotations[i] for i in range(len(examples))]

    def _annotate(self, params: Params, examples: Sequence[Example], batch: Batch) -> list[Annotation]:
        arrays = Predictions(*map(np.asarray, self._step(params, batch)))
        how = self.system.vocabs, self.system.config.decoding, self._constraints
        return [
            decode(Predictions(*(array[row] for array in arrays)), len(example.word_ids), *how)
            for row, example in enumerate(examples)
        ]

    def _annotate_alone(self, params: Params, examples: Sequence[Example], batch: Batch) -> list[Annotation]:
        """Scores relations only at the tokens that decoding reads."""
        (example,) = examples
        tokens = TokenPredictions(*(np.asarray(array)[0] for array in self._step.tokens(params, batch)))

        def pair_prob(subjects: Int[np.ndarray, " i"], objects: Int[np.ndarray, " j"]) -> np.ndarray:
            some = (_block(tokens.relation_tokens[chosen]) for chosen in (subjects, objects))
            scored = np.asarray(self._step.pairs(params, *some))
            return scored[0, : len(subjects), : len(objects)]

        how = self.system.vocabs, self.system.config.decoding, self._constraints
        return [decode_pairs(tokens, pair_prob, len(example.word_ids), *how)]

    def _plans(self, examples: Sequence[Example]) -> list[Plan]:
        config = self.system.config
        lengths = [example.room(config.data) for example in examples]
        plan = plan_prediction if isinstance(self._step, SystemStep) else plan_batches
        return plan(lengths, config.data, config.training.batch_size)

    def _alone(self, plan: Plan) -> bool:
        own = isinstance(self._step, SystemStep)
        return own and plan.length > self.system.config.data.bucket_lengths[-1]

    def _collate(self, examples: Sequence[Example], plan: Plan) -> Batch:
        return self.system.collate([examples[i] for i in plan.indices], plan.length, self._size(plan))

    def _size(self, plan: Plan) -> int:
        return 1 if self._alone(plan) else self.system.config.training.batch_size


def _block(tokens: Float[np.ndarray, "i d"]) -> Float[np.ndarray, "1 j d"]:
    """Returns some tokens as a batch, padded to one of few shapes."""
    room = next(size for size in _BLOCKS if len(tokens) <= size)
    return np.pad(tokens, ((0, room - len(tokens)), (0, 0)))[None]
