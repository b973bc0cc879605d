"""The training loop of one run or of a population: epochs of steps, dev scores and checkpoints.

Training resumes from the latest checkpoint, or from where it was saved within an epoch.
"""

import math
from collections.abc import Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import optax

from cman_jax.compilation import compiler_threads
from cman_jax.config import Config, differences, validate
from cman_jax.encoders.encoder import Encoder
from cman_jax.errors import InputError
from cman_jax.layers.products import in_precision
from cman_jax.memory import TO_TRAIN, read_limits, refuse_too_little
from cman_jax.run.lock import training_in
from cman_jax.run.provenance import Splits
from cman_jax.run.system import System
from cman_jax.training.epoch import begun_within, groups_of, prepare, run_epoch
from cman_jax.training.member import Job, Member
from cman_jax.training.optimizer import make_optimizer
from cman_jax.training.parallel import AnyStep, PopulationStep, step_of_run
from cman_jax.training.progress import Progress
from cman_jax.training.step import train_step
from cman_jax.training.stopping import Stop


def train(
    config: Config,
    splits: Splits,
    workdir: Path,
    *,
    vectors: Path | None = None,
    encoder: Encoder | None = None,
    num_devices: int = 1,
    parallel: str = "auto",
    progress: Progress | None = None,
    stop: Stop | None = None,
) -> System:
    """Trains in `workdir`, from its latest checkpoint if it has one, until `num_epochs` are done.

    The same config, data and machine lead to the same parameters bit for bit, interrupted or not.

    Args:
      config: the experiment.
      splits: "train" and "dev", optionally "test".
      workdir: the working directory, made if it does not exist; see `open_run` for its files.
      vectors: file of pretrained word vectors; None: word vectors are trained.
      encoder: computes the contextual features, or is a store of them; None: no contextual features.
      num_devices: number of devices that share each batch; at most as many take part as it has sentences.
      parallel: how they share it, a name in `parallel.WAYS`.
      progress: is called with every batch and epoch; None: nothing is shown.
      stop: asks to save within an epoch, or to end; None: training saves only epochs and ends by itself.

    Returns:
      The trained system; its parameters are in the checkpoints.

    Raises:
      ValueError: a setting is not allowed.
      InputError: the vectors are damaged, a sentence has no features, the workdir's run had other settings or
        data, or another process is training there.
      Stopped: `stop` has asked for it; everything is saved.
    """
    options = {"vectors": vectors, "encoder": encoder, "progress": progress, "stop": stop}
    options |= {"num_devices": num_devices, "parallel": parallel}
    (system,) = train_population([Job(config, splits, workdir)], **options)
    return system


def train_population(
    jobs: Sequence[Job],
    *,
    vectors: Path | None = None,
    encoder: Encoder | None = None,
    num_devices: int = 1,
    parallel: str = "auto",
    progress: Progress | None = None,
    stop: Stop | None = None,
) -> list[System]:
    """Trains all jobs as one program, which takes a step of each job at a time; see `train`.

    Each run gives the same result as if trained separately (up to rounding), has its own workdir, and can be
    resumed separately.

    Args:
      jobs: the runs. Their configs may differ only in the seed; their data may differ, as for folds.
      vectors, encoder, parallel, progress, stop: as in `train`; `parallel` is for a single job.
      num_devices: number of devices that share the jobs; for a single job, each batch.

    Raises:
      ValueError: as in `train`, or the jobs do not fit together.
      InputError: as in `train`, a job is several epochs ahead of another, or memory is limited too much.
      Stopped: as in `train`.
    """
    _check(jobs, num_devices)
    num_epochs = jobs[0].config.training.num_epochs
    progress, stop = progress or Progress(), stop or Stop()
    with ExitStack() as stack:
        stack.callback(progress.close)
        for job in jobs:
            stack.enter_context(training_in(job.workdir))
        members = [stack.enter_context(closing(Member(job, vectors, encoder))) for job in jobs]
        systems = [member.system for member in members]
        progress.note(*(member.note for member in members if member.note))
        members, done = _unfinished(members, num_epochs)
        if done >= num_epochs:
            return systems
        progress.start({member.workdir: member.contents for member in members})
        optimizer = _optimizer_of(members)
        in_format = in_precision(members[0].system.config.training.precision, train_step)
        each = partial(in_format, members[0].system.model, optimizer)
        step = make_step(members, each, num_devices, parallel)
        states = [member.start_after(done, optimizer) for member in members]
        begun = begun_within(members, groups_of(members, done + 1), done + 1, states, progress)
        state = step.place([part.state for part in begun] if begun else states)
        compiler = stack.enter_context(compiler_threads())
        stack.enter_context(stop.watching())
        for epoch in range(done + 1, num_epochs + 1):
            groups = groups_of(members, epoch)
            progress.start_epoch(epoch, num_epochs, sum(len(member.examples) for member in members))
            if epoch == done + 1:
                prepare(compiler, step, state, members, groups)
            state, rows = run_epoch(step, state, members, groups, epoch, progress, stop, begun)
            begun = None
            for member, member_state, row in zip(members, step.fetch(state), rows, strict=True):
                member.end_epoch(epoch, member_state, row)
            progress.end_epoch(*(member.rows for member in members))
            stop.saved(f"epoch {epoch}")
    return systems


def _check(jobs: Sequence[Job], num_devices: int) -> None:
    """Checks that the jobs can be trained together on the devices.

    Raises:
      ValueError: the jobs do not fit together, or the devices cannot share them equally.
      InputError: memory is limited too much.
    """
    refuse_too_little(read_limits(), TO_TRAIN)
    config = jobs[0].config
    if len(jobs) > 1 and len(jobs) % num_devices:
        found = f"population {len(jobs)} is not divisible by {num_devices} devices"
        raise ValueError(f"{found}; use fewer devices")
    for job in jobs:
        validate(job.config)
        if any(name != "training.seed" for name, _, _ in differences(config, job.config)):
            raise ValueError("the settings of a population differ in more than the seed")
    if len({job.workdir.resolve() for job in jobs}) < len(jobs):
        raise ValueError("two runs of a population share a workdir; each run needs its own")


def _optimizer_of(members: Sequence[Member]) -> optax.GradientTransformation:
    """Returns the optimiser of runs that are trained together."""
    system = members[0].system
    layers = system.config.encoder if system.model.upper else None
    return make_optimizer(system.config.training, max(len(member.examples) for member in members), layers)


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


def make_step(members: Sequence[Member], step: partial, num_devices: int, parallel: str = "auto") -> AnyStep:
    """Returns the training step of one run or of a population.

    Raises:
      ValueError: the vocabularies of a population differ in size, or the devices are not as asked for.
    """
    first, *others = (member.system for member in members)
    if any(system.model.sizes != first.model.sizes for system in others):
        raise ValueError("the vocabularies of a population differ in size")
    step = partial(step, first.config.training.alpha)
    if not others:
        num_devices = min(num_devices, first.config.training.batch_size)
        return step_of_run(step, first.constants, members[0].key, num_devices, parallel)
    num_devices = math.gcd(len(members), num_devices)  # finished runs are not among the members
    constants, keys = [member.system.constants for member in members], [member.key for member in members]
    return PopulationStep(step, constants, keys, num_devices)
