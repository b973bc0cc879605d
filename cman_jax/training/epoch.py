"""One epoch of one run or of a population: its steps, from its start or from where it was saved."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from functools import partial
from itertools import zip_longest
from typing import Any

import jax
import numpy as np
import optax

from cman_jax.data.batching import Example, Plan, first_of_each
from cman_jax.errors import InputError, noting_what
from cman_jax.training.ahead import BuiltAhead
from cman_jax.training.history import History
from cman_jax.training.member import Member
from cman_jax.training.parallel import AnyStep, SingleStep
from cman_jax.training.plans import shuffled
from cman_jax.training.progress import Progress
from cman_jax.training.step import TrainState
from cman_jax.training.stopping import Stop
from cman_jax.training.within import Times, Within, load_within, steps_saved
from cman_jax.types import Batch

Groups = list[tuple[Plan | None, ...]]
"""The plans of each step: one of each run, or None if the run has no batch left."""


def groups_of(members: Sequence[Member], epoch: int) -> Groups:
    """Returns the plans of each step of an epoch."""
    return shuffled(list(zip_longest(*(member.plans(epoch) for member in members))), epoch)


def prepare_first(
    compiler: Executor,
    step: AnyStep,
    optimizer: optax.GradientTransformation,
    members: Sequence[Member],
    done: int,
) -> None:
    """Starts to compile the program of the first step of a new run, while its parameters are drawn.

    Several devices or runs need the placed state for that, so their programs are left to `prepare`, as are
    those of a resumed run.

    Args:
      compiler: the threads that compile.
      step: the training step.
      optimizer: the optimiser, which fixes the layout of the state.
      members: the runs.
      done: number of finished epochs.
    """
    if type(step) is SingleStep and not done:
        params = members[0].system.param_shapes()
        state = jax.eval_shape(partial(TrainState.start, optimizer=optimizer), params)
        step.prepare(compiler, state, _batches(groups_of(members, 1)[0], members, step))


def prepare(
    compiler: Executor, step: AnyStep, state: TrainState, members: Sequence[Member], groups: Groups
) -> None:
    """Starts to compile all programs that an epoch needs, in the order in which they are needed.

    Training runs while programs are being compiled.

    Args:
      compiler: the threads that compile.
      step: the training step.
      state: the state as the step takes it.
      members: the runs.
      groups: the plans of the epoch's steps.
    """
    for plans in first_of_each(groups, _length):
        step.prepare(compiler, state, _batches(plans, members, step))
    params = members[0].system.param_shapes()
    for member in members:
        member.prepare(compiler, params)


def begun_within(
    members: Sequence[Member], groups: Groups, epoch: int, states: Sequence[TrainState], progress: Progress
) -> list[Within] | None:
    """Returns where the runs were saved within an epoch, all after the same step; None: at its start.

    A damaged file is named, and an earlier one is used if all runs have it.

    Args:
      members: the runs.
      groups: the plans of the epoch's steps.
      epoch: the epoch's number.
      states: the state of each run at the start of the epoch, of which only the layout is read.
      progress: is called with what is damaged.
    """
    saved = [steps_saved(member.workdir, epoch) for member in members]
    for own in reversed(_own_steps(groups)[1:]) if all(saved) else ():
        if all(steps in of_run for steps, of_run in zip(own, saved, strict=True)):
            try:
                return [
                    load_within(member.workdir, epoch, steps, state)
                    for member, steps, state in zip(members, own, states, strict=True)
                ]
            except InputError as error:
                progress.note(f"{error}; training resumes earlier")
    return None


def run_epoch(
    step: AnyStep,
    state: TrainState,
    members: Sequence[Member],
    groups: Groups,
    epoch: int,
    progress: Progress,
    stop: Stop,
    begun: Sequence[Within] | None = None,
) -> tuple[TrainState, list[dict[str, float]]]:
    """Takes one pass over the data of all runs.

    Args:
      step, state: the training step, and the state as it takes it.
      members, groups, epoch: the runs, the plans of the epoch's steps, and the epoch's number.
      progress: is called with the size of every batch.
      stop: says after which steps to save, and whether to end.
      begun: where the epoch was saved, with `state`; None: it begins.

    Returns:
      The new state, and for each run its mean losses (nats per sentence), seconds and speed.

    Raises:
      InputError: the losses or gradients of too many steps are not finite.
      Stopped: training was asked to stop, and is saved.
    """
    done = _num_done(groups, begun) if begun else 0
    history = History(members, epoch, [part.metrics for part in begun or ()], done)
    progress.advance(_num_sentences(groups[:done]))
    with BuiltAhead(groups[done:], partial(_batches, members=members, step=step)) as batches:
        clock = _Clock(step, batches, begun[0] if begun else None)
        for number, plans in enumerate(groups[done:], done + 1):
            state, metrics = _take(step, state, plans, batches, members)
            history.add(plans, metrics)
            progress.advance(_num_sentences([plans]))
            if number < len(groups) and stop.must_save():
                _save(step, state, members, history, clock, epoch)
                stop.saved(f"{number} of {len(groups)} steps of epoch {epoch}")
    means = zip(history.means(), members, strict=True)
    return state, [{**each, **clock.row(len(member.examples))} for each, member in means]


class _Clock:
    """The time that an epoch takes, with what it took before it was interrupted."""

    def __init__(self, step: AnyStep, batches: BuiltAhead, begun: Within | None):
        self._step, self._batches = step, batches
        before = begun.times if begun else Times(0.0, 0.0)
        self._start = time.perf_counter() - before.seconds
        self._compiled = step.seconds_compiling - before.compiling_seconds
        self._waited = before.waiting_seconds

    def read(self) -> Times:
        """Returns the times of the epoch so far."""
        return Times(
            time.perf_counter() - self._start,
            self._step.seconds_compiling - self._compiled,
            self._batches.seconds_waited + self._waited,
        )

    def row(self, num_sentences: int) -> dict[str, float]:
        """Returns the times and the speed of an epoch, rounded."""
        times = self.read()
        rounded = {name: round(seconds, 3) for name, seconds in times._asdict().items()}
        return {**rounded, "sentences_per_second": round(num_sentences / times.seconds, 1)}


def _save(
    step: AnyStep, state: TrainState, members: Sequence[Member], history: History, clock: _Clock, epoch: int
) -> None:
    """Saves all runs within the epoch, and then removes what was saved before."""
    metrics = history.so_far()
    parts = [
        Within(epoch, each, mine, clock.read()) for each, mine in zip(step.fetch(state), metrics, strict=True)
    ]
    for member, part in zip(members, parts, strict=True):
        member.refuse_not_finite(part.state, f"within epoch {epoch}")
    files = [member.save_within(part) for member, part in zip(members, parts, strict=True)]
    for member, file in zip(members, files, strict=True):
        member.remove_within(epoch, file)


def _own_steps(groups: Groups) -> list[list[int]]:
    """Returns in how many of the first 0, 1, 2, ... steps each run has a batch."""
    has_batch = np.array([[plan is not None for plan in plans] for plans in groups], int)
    return [[0] * has_batch.shape[1], *has_batch.cumsum(0).tolist()]


def _num_done(groups: Groups, begun: Sequence[Within]) -> int:
    """Returns the number of steps that all runs have taken."""
    return _own_steps(groups).index([part.metrics.shape[1] for part in begun])


def _num_sentences(groups: Groups) -> int:
    """Returns the number of sentences in the batches of these steps."""
    return sum(len(plan.indices) for plans in groups for plan in plans if plan)


def _length(plans: Sequence[Plan | None]) -> int:
    """Returns the length that the batches of a step are padded to."""
    return max(plan.length for plan in plans if plan)


def _take(
    step: AnyStep,
    state: TrainState,
    plans: Sequence[Plan | None],
    batches: Iterator[list[Batch]],
    members: Sequence[Member],
) -> Any:
    """Takes one step on the next batches; the error for too little memory names their size."""
    size = members[0].system.config.training.batch_size
    runs = f" in each of {len(members)} runs" if len(members) > 1 else ""
    with noting_what(f"training on {size} sentences padded to {_length(plans)} tokens{runs}"):
        return step(state, next(batches))


def _batches(plans: Sequence[Plan | None], members: Sequence[Member], step: AnyStep) -> list[Batch]:
    """Returns the step's own parts of each run's batch; only these are built.

    The sentences are dealt out in turn, so that each part has long and short sentences. Parts with fewer
    sentences than the others are padded with empty ones.
    """
    system, num_parts = members[0].system, step.num_parts
    groups: list[list[Example]] = [
        [member.examples[i] for i in (plan.indices if plan else ())[part::num_parts]]
        for plan, member in zip(plans, members, strict=True)
        for part in range(num_parts)
    ]
    own = [k for k in range(len(groups)) if k % num_parts in step.own_parts]
    size = -(-system.config.training.batch_size // num_parts)
    return system.collate_alike(groups, _length(plans), size, own)
