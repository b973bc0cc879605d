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
from cman_jax.config import Config, differences
from cman_jax.config_checks import validate
from cman_jax.encoders.encoder import Encoder
from cman_jax.errors import InputError, UnfitSettings
from cman_jax.layers.products import in_precision
from cman_jax.memory import TO_TRAIN, read_limits, refuse_too_little
from cman_jax.run.lock import training_in
from cman_jax.run.provenance import Splits
from cman_jax.run.system import System
from cman_jax.training.epoch import begun_within, groups_of, prepare, prepare_first, run_epoch
from cman_jax.training.follower import Follower
from cman_jax.training.hosts import ALONE, Hosts
from cman_jax.training.losses import Objective
from cman_jax.training.member import Job, Member
from cman_jax.training.optimizer import make_optimizer, steps_per_epoch
from cman_jax.training.parallel import AnyStep, PopulationStep, sharing, step_of_run
from cman_jax.training.progress import Progress
from cman_jax.training.step import TrainState, train_step
from cman_jax.training.stopping import Stop
from cman_jax.training.within import Within


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
      UnfitSettings: a setting is not allowed.
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
    hosts: Hosts = ALONE,
) -> list[System]:
    """Trains all jobs as one program, which takes a step of each job at a time; see `train`.

    Each run has its own workdir, can be resumed separately, and equals a separate training up to rounding.

    Args:
      jobs: the runs. Their configs may differ only in the seed; their data may differ, as for folds.
      vectors, encoder, parallel, progress, stop: as in `train`; `parallel` is for a single job.
      num_devices: number of devices that share the jobs; for a single job, each batch.
      hosts: the hosts that train a single job together, in a folder that they share; for `stop` too.

    Raises:
      UnfitSettings: as in `train`, or the jobs do not fit together.
      InputError: as in `train`; jobs differ in epochs or steps, memory is too small, hosts see other files.
      Stopped: as in `train`.
      HostLost: another host has ended.
    """
    _check(jobs, num_devices, hosts)
    num_epochs = jobs[0].config.training.num_epochs
    progress, stop = progress or Progress(), stop or Stop()
    with ExitStack() as stack:
        stack.enter_context(hosts.noticing_lost())
        stack.callback(progress.close)
        members = _members(stack, jobs, vectors, encoder, hosts)
        systems = [member.system for member in members]
        progress.note(*(member.note for member in members if member.note))
        members, done = _unfinished(members, num_epochs, hosts)
        if done >= num_epochs:
            return systems
        progress.start({member.workdir: member.contents for member in members})
        optimizer = _optimizer_of(members)
        step = make_step(members, step_of_each(members, optimizer), num_devices, parallel)
        compiler = stack.enter_context(compiler_threads())
        prepare_first(compiler, step, optimizer, members, done)
        states, begun = _begun(members, done, optimizer, hosts, progress)
        state = step.place(states)
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
            hosts.wait()
            progress.end_epoch(*(member.rows for member in members))
            stop.saved(f"epoch {epoch}")
    return systems


def _members(
    stack: ExitStack, jobs: Sequence[Job], vectors: Path | None, encoder: Encoder | None, hosts: Hosts
) -> list[Member]:
    """Returns the runs, opened by the first host before all others, and closed at the end of the stack."""
    with hosts.in_turn():
        for job in jobs if hosts.first else ():
            stack.enter_context(training_in(job.workdir))
        kind = Member if hosts.first else Follower
        return [stack.enter_context(closing(kind(job, vectors, encoder))) for job in jobs]


def _check(jobs: Sequence[Job], num_devices: int, hosts: Hosts) -> None:
    """Checks that the jobs can be trained together on the devices and hosts.

    Raises:
      UnfitSettings: the jobs do not fit together, or the devices cannot share them equally.
      InputError: memory is limited too much.
    """
    refuse_too_little(read_limits(), TO_TRAIN)
    config = jobs[0].config
    if len(jobs) > 1 and hosts is not ALONE:
        raise UnfitSettings("a population is for one host; train its seeds one after the other")
    if len(jobs) > 1 and len(jobs) % num_devices:
        found = f"population {len(jobs)} is not divisible by {num_devices} devices"
        raise UnfitSettings(f"{found}; use fewer devices")
    for job in jobs:
        validate(job.config)
        if any(name != "training.seed" for name, _, _ in differences(config, job.config)):
            raise UnfitSettings("the settings of a population differ in more than the seed")
    if len({job.workdir.resolve() for job in jobs}) < len(jobs):
        raise UnfitSettings("two runs of a population share a workdir; each run needs its own")


def _optimizer_of(members: Sequence[Member]) -> optax.GradientTransformation:
    """Returns the optimiser of runs that are trained together.

    Raises:
      InputError: rates change from step to step, and the runs differ in their number of steps.
    """
    config = members[0].system.config
    steps = [steps_per_epoch(config.training, len(member.examples)) for member in members]
    if not config.constant_rate:
        for member, number in zip(members, steps, strict=True):
            if number != steps[0]:
                expected = f"{steps[0]}, as {members[0].workdir} has, or a separate training"
                raise InputError(member.workdir, None, f"{number} steps per epoch", expected)
    layers = config.encoder if members[0].system.model.upper else None
    return make_optimizer(config.training, len(members[0].examples), layers)


def step_of_each(members: Sequence[Member], optimizer: optax.GradientTransformation) -> partial:
    """Returns the training step of each run, which takes the precision from the runs' settings."""
    system = members[0].system
    return partial(in_precision(system.config.training.precision, train_step), system.model, optimizer)


def _begun(
    members: Sequence[Member],
    done: int,
    optimizer: optax.GradientTransformation,
    hosts: Hosts,
    progress: Progress,
) -> tuple[list[TrainState], list[Within] | None]:
    """Returns the states from which the runs resume, and where they were saved within an epoch, if so.

    Raises:
      InputError: the files are of another network, or not the same on all hosts.
    """
    states = [member.start_after(done, optimizer) for member in members]
    begun = begun_within(members, groups_of(members, done + 1), done + 1, states, progress)
    steps = begun[0].metrics.shape[1] if begun else 0
    hosts.refuse_differences(steps, members[0].workdir, f"finished steps of epoch {done + 1}:")
    return [part.state for part in begun] if begun else states, begun


def _unfinished(members: Sequence[Member], num_epochs: int, hosts: Hosts) -> tuple[Sequence[Member], int]:
    """Returns the runs that still have epochs to train, and the last epoch that all of them have finished.

    Raises:
      InputError: a run is further ahead than a kill between two writes explains, or on another host.
    """
    done = min(member.latest_epoch() for member in members)
    hosts.refuse_differences(done, members[0].workdir, "finished epochs:")
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
      UnfitSettings: the vocabularies of a population differ in size, or the devices are not as asked for.
    """
    first, *others = (member.system for member in members)
    if any(system.model.sizes != first.model.sizes for system in others):
        raise UnfitSettings("the vocabularies of a population differ in size")
    step = partial(step, Objective.of(first.config.training))
    if not others:
        num_devices = sharing(num_devices, first.config.training.batch_size)
        return step_of_run(step, first.constants, members[0].key, num_devices, parallel)
    num_devices = math.gcd(len(members), num_devices)  # finished runs are not among the members
    constants, keys = [member.system.constants for member in members], [member.key for member in members]
    return PopulationStep(step, constants, keys, num_devices)
