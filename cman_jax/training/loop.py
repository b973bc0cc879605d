"""The training loop, of one run or of a population: epochs of steps, dev scores, checkpoints; it continues
where it stopped."""

import math
import time
from collections.abc import Sequence
from concurrent.futures import Executor
from contextlib import ExitStack, closing
from functools import partial
from itertools import zip_longest
from pathlib import Path

from cman_jax.compilation import compiler_threads
from cman_jax.config import Config, differences, validate
from cman_jax.data.batching import Example, Plan, first_of_each
from cman_jax.encoders.encoder import Encoder
from cman_jax.errors import InputError, noting_what
from cman_jax.run.lock import training_in
from cman_jax.run.provenance import Splits
from cman_jax.run.system import System
from cman_jax.training.history import History
from cman_jax.training.member import Job, Member
from cman_jax.training.optimizer import make_optimizer
from cman_jax.training.parallel import ParallelStep, PopulationStep
from cman_jax.training.plans import shuffled
from cman_jax.training.progress import Progress
from cman_jax.training.step import TrainState, train_step
from cman_jax.types import Batch


def train(
    config: Config,
    splits: Splits,
    workdir: Path,
    *,
    vectors: Path | None = None,
    encoder: Encoder | None = None,
    num_devices: int = 1,
    progress: Progress | None = None,
) -> System:
    """Trains in `workdir`, from its latest checkpoint if it has one, until `num_epochs` are done.

    The same config, data and machine give the same parameters bit for bit, interrupted or not.

    Args:
      config: the experiment.
      splits: "train" and "dev", perhaps "test".
      workdir: made if need be; see run.py for what it will hold.
      vectors: file of pretrained word vectors; None: train them.
      encoder: gives contextual features, or is a cache of them; None: none.
      num_devices: devices that share each batch.
      progress: hears of batches and epochs.

    Returns:
      The trained system; its parameters are in the checkpoints.

    Raises:
      ValueError: a setting that cannot be.
      InputError: bad vectors, a sentence without features, a workdir whose run had other settings or data, or
        in which another process is training.
    """
    options = {"vectors": vectors, "encoder": encoder, "num_devices": num_devices, "progress": progress}
    (system,) = train_population([Job(config, splits, workdir)], **options)
    return system


def train_population(
    jobs: Sequence[Job],
    *,
    vectors: Path | None = None,
    encoder: Encoder | None = None,
    num_devices: int = 1,
    progress: Progress | None = None,
) -> list[System]:
    """Trains all jobs as one program that does a step of each at a time; see `train`.

    Each comes out as it would alone, up to rounding, in a workdir of its own, and can be gone on with alone.

    Args:
      jobs: their configs are equal but for the seed; their data may differ, as those of folds do.
      num_devices: devices that share the jobs out among themselves; of a single job, each batch.

    Raises:
      ValueError: as in `train`, or jobs that do not fit together.
      InputError: as in `train`, or a job that is several epochs ahead of others.
    """
    _check(jobs, num_devices)
    config, num_epochs = jobs[0].config, jobs[0].config.training.num_epochs
    progress = progress or Progress()
    with ExitStack() as stack:
        stack.callback(progress.close)
        for job in jobs:
            stack.enter_context(training_in(job.workdir))
        members = [stack.enter_context(closing(Member(job, vectors, encoder))) for job in jobs]
        systems = [member.system for member in members]
        members, done = _unfinished(members, num_epochs)
        if done >= num_epochs:
            return systems
        if len(members) < len(jobs):
            num_devices = math.gcd(len(members), num_devices)
        progress.start({member.workdir: member.contents for member in members})
        optimizer = make_optimizer(config.training, max(len(member.examples) for member in members))
        step = _make_step(members, partial(train_step, members[0].system.model, optimizer), num_devices)
        state = step.place([member.start_after(done, optimizer) for member in members])
        compiler = stack.enter_context(compiler_threads())
        for epoch in range(done + 1, num_epochs + 1):
            progress.start_epoch(epoch, num_epochs, sum(len(member.examples) for member in members))
            if epoch == done + 1:
                prepare(compiler, step, state, members, epoch)
            with noting_what(f"training epoch {epoch}"):
                state, rows = run_epoch(step, state, members, epoch, progress)
            for member, member_state, row in zip(members, step.fetch(state), rows, strict=True):
                member.end_epoch(epoch, member_state, row)
            progress.end_epoch(*(member.rows for member in members))
    return systems


def _check(jobs: Sequence[Job], num_devices: int) -> None:
    """Raises: ValueError: jobs that do not fit together, or that the devices cannot share."""
    config = jobs[0].config
    what, divided = (
        ("batch_size", config.training.batch_size) if len(jobs) == 1 else ("population", len(jobs))
    )
    if divided % num_devices:
        raise ValueError(f"{what} {divided} is not divisible by {num_devices} devices")
    for job in jobs:
        validate(job.config)
        if any(name != "training.seed" for name, _, _ in differences(config, job.config)):
            raise ValueError("the settings of a population differ in more than the seed")
    if len({job.workdir.resolve() for job in jobs}) < len(jobs):
        raise ValueError("two runs of a population share a workdir")


def _unfinished(members: Sequence[Member], num_epochs: int) -> tuple[Sequence[Member], int]:
    """Those that still have epochs to go, and the last one that all of them have behind them.

    Raises:
      InputError: one is further ahead than a kill between two writes explains.
    """
    done = min(member.latest_epoch() for member in members)
    if done < num_epochs - 1:
        members = [member for member in members if member.latest_epoch() < num_epochs]
    for member in members:
        if member.latest_epoch() > done + 1:
            found = f"a run of {member.latest_epoch()} epochs"
            raise InputError(member.workdir, None, found, f"{done}, as of others of its population")
    return members, done


def prepare(
    compiler: Executor,
    step: ParallelStep | PopulationStep,
    state: TrainState,
    members: Sequence[Member],
    epoch: int,
) -> None:
    """Has all programs compiled that the epoch needs, the first needed first; training goes on beside it."""
    for plans in first_of_each(_groups(members, epoch), _length):
        step.prepare(compiler, state, _batches(plans, members, step.num_parts))
    params = members[0].system.param_shapes()
    for member in members:
        member.prepare(compiler, params)


def run_epoch(
    step: ParallelStep | PopulationStep,
    state: TrainState,
    members: Sequence[Member],
    epoch: int,
    progress: Progress,
) -> tuple[TrainState, list[dict[str, float]]]:
    """One pass over the data of all members.

    Returns:
      The new state, and of each member mean losses (nats per sentence) and the speed.

    Raises:
      InputError: a loss or the gradient norm of a step is not finite.
    """
    start, history = time.perf_counter(), History(members, epoch)
    for plans in _groups(members, epoch):
        state, metrics = step(state, _batches(plans, members, step.num_parts))
        history.add(plans, metrics)
        progress.advance(sum(len(plan.indices) for plan in plans if plan))
    means = history.means()
    seconds = time.perf_counter() - start
    speed = [round(len(member.examples) / seconds, 1) for member in members]
    return state, [
        {**mean, "seconds": round(seconds, 3), "sentences_per_second": each}
        for mean, each in zip(means, speed, strict=True)
    ]


def _make_step(members: Sequence[Member], step: partial, num_devices: int) -> ParallelStep | PopulationStep:
    first, *others = (member.system for member in members)
    if any(system.model.sizes != first.model.sizes for system in others):
        raise ValueError("the vocabularies of a population differ in size")
    step = partial(step, first.config.training.alpha)
    if not others:
        return ParallelStep(step, first.constants, members[0].key, num_devices)
    constants, keys = [member.system.constants for member in members], [member.key for member in members]
    return PopulationStep(step, constants, keys, num_devices)


def _groups(members: Sequence[Member], epoch: int) -> list[tuple[Plan | None, ...]]:
    """The plans of each step, one of each member that has one left."""
    return shuffled(list(zip_longest(*(member.plans(epoch) for member in members))), epoch)


def _length(plans: Sequence[Plan | None]) -> int:
    return max(plan.length for plan in plans if plan)


def _batches(plans: Sequence[Plan | None], members: Sequence[Member], num_parts: int) -> list[Batch]:
    """Each member's batch, dealt out to the parts in turn so that each has long and short sentences."""
    system = members[0].system
    groups: list[list[Example]] = [
        [member.examples[i] for i in (plan.indices if plan else ())[part::num_parts]]
        for plan, member in zip(plans, members, strict=True)
        for part in range(num_parts)
    ]
    return system.collate_alike(groups, _length(plans), system.config.training.batch_size // num_parts)
