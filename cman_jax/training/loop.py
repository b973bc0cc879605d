"""The training loop of one run or of a population: epochs of steps, dev scores and checkpoints.

Training resumes from the latest checkpoint.
"""

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

    The same config, data and machine lead to the same parameters bit for bit, interrupted or not.

    Args:
      config: the experiment.
      splits: "train" and "dev", optionally "test".
      workdir: the working directory, made if it does not exist; see `open_run` for its files.
      vectors: file of pretrained word vectors; None: word vectors are trained.
      encoder: computes the contextual features, or is a store of them; None: no contextual features.
      num_devices: number of devices that share each batch.
      progress: is called with every batch and epoch; None: nothing is shown.

    Returns:
      The trained system; its parameters are in the checkpoints.

    Raises:
      ValueError: a setting is not allowed.
      InputError: the vectors are damaged, a sentence has no features, the workdir's run had other settings or
        data, or another process is training there.
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
    """Trains all jobs as one program, which takes a step of each job at a time; see `train`.

    Each run gives the same result as if trained separately (up to rounding), has its own workdir, and can be
    resumed separately.

    Args:
      jobs: the runs. Their configs may differ only in the seed; their data may differ, as for folds.
      vectors, encoder, progress: as in `train`.
      num_devices: number of devices that share the jobs; for a single job, each batch.

    Raises:
      ValueError: as in `train`, or the jobs do not fit together.
      InputError: as in `train`, or a job is several epochs ahead of another.
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
        for note in filter(None, (member.note for member in members)):
            progress.note(note)
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
    """Checks that the jobs can be trained together on the devices.

    Raises:
      ValueError: the jobs do not fit together, or the devices cannot share them equally.
    """
    config = jobs[0].config
    what, divided = (
        ("batch_size", config.training.batch_size) if len(jobs) == 1 else ("population", len(jobs))
    )
    if divided % num_devices:
        raise ValueError(f"{what} {divided} is not divisible by {num_devices} devices; use fewer devices")
    for job in jobs:
        validate(job.config)
        if any(name != "training.seed" for name, _, _ in differences(config, job.config)):
            raise ValueError("the settings of a population differ in more than the seed")
    if len({job.workdir.resolve() for job in jobs}) < len(jobs):
        raise ValueError("two runs of a population share a workdir; each run needs its own")


def _unfinished(members: Sequence[Member], num_epochs: int) -> tuple[Sequence[Member], int]:
    """Returns the runs that still have epochs to train, and the last epoch that all of them have finished.

    Raises:
      InputError: a run is further ahead than a kill between two writes explains.
    """
    done = min(member.latest_epoch() for member in members)
    if done < num_epochs - 1:
        members = [member for member in members if member.latest_epoch() < num_epochs]
    for member in members:
        if member.latest_epoch() > done + 1:
            found = f"a run with {member.latest_epoch()} finished epochs"
            raise InputError(
                member.workdir,
                None,
                found,
                f"at most {done + 1}, because another run of its population has {done}",
            )
    return members, done


def prepare(
    compiler: Executor,
    step: ParallelStep | PopulationStep,
    state: TrainState,
    members: Sequence[Member],
    epoch: int,
) -> None:
    """Starts to compile all programs that the epoch needs, in the order in which they are needed.

    Training runs while programs are being compiled.

    Args:
      compiler: the threads that compile.
      step: the training step.
      state: the state as the step takes it.
      members: the runs.
      epoch: the epoch's number.
    """
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
    """Takes one pass over the data of all runs.

    Args:
      step: the training step.
      state: the state as the step takes it.
      members: the runs.
      epoch: the epoch's number.
      progress: is called with the size of every batch.

    Returns:
      The new state, and for each run its mean losses (nats per sentence), the seconds of the epoch, those
      among them that were spent waiting for the compiler, and the speed.

    Raises:
      InputError: the losses or gradients of too many steps are not finite.
    """
    start, history = time.perf_counter(), History(members, epoch)
    compiled_before = step.seconds_compiling
    for plans in _groups(members, epoch):
        state, metrics = step(state, _batches(plans, members, step.num_parts))
        history.add(plans, metrics)
        progress.advance(sum(len(plan.indices) for plan in plans if plan))
    means = history.means()
    seconds = time.perf_counter() - start
    compiling = round(step.seconds_compiling - compiled_before, 3)
    speed = [round(len(member.examples) / seconds, 1) for member in members]
    return state, [
        {**mean, "seconds": round(seconds, 3), "compiling_seconds": compiling, "sentences_per_second": each}
        for mean, each in zip(means, speed, strict=True)
    ]


def _make_step(members: Sequence[Member], step: partial, num_devices: int) -> ParallelStep | PopulationStep:
    """Returns the training step of one run or of a population.

    Raises:
      ValueError: the vocabularies of a population differ in size, or there are too few devices.
    """
    first, *others = (member.system for member in members)
    if any(system.model.sizes != first.model.sizes for system in others):
        raise ValueError("the vocabularies of a population differ in size")
    step = partial(step, first.config.training.alpha)
    if not others:
        return ParallelStep(step, first.constants, members[0].key, num_devices)
    constants, keys = [member.system.constants for member in members], [member.key for member in members]
    return PopulationStep(step, constants, keys, num_devices)


def _groups(members: Sequence[Member], epoch: int) -> list[tuple[Plan | None, ...]]:
    """Returns the plans of each step: one of each run, or None if the run has no batch left."""
    return shuffled(list(zip_longest(*(member.plans(epoch) for member in members))), epoch)


def _length(plans: Sequence[Plan | None]) -> int:
    """Returns the length that the batches of a step are padded to."""
    return max(plan.length for plan in plans if plan)


def _batches(plans: Sequence[Plan | None], members: Sequence[Member], num_parts: int) -> list[Batch]:
    """Returns each run's batch in `num_parts` parts.

    The sentences are dealt out in turn, so that each part has long and short sentences.
    """
    system = members[0].system
    groups: list[list[Example]] = [
        [member.examples[i] for i in (plan.indices if plan else ())[part::num_parts]]
        for plan, member in zip(plans, members, strict=True)
        for part in range(num_parts)
    ]
    return system.collate_alike(groups, _length(plans), system.config.training.batch_size // num_parts)
