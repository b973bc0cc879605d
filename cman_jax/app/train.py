"""Trains a network on annotated sentences, scores it on dev and test, and writes a report.

    cman train --data=CORPUS --workdir=DIR
    cman train --config=conll04 --data=DIR --workdir=DIR --vectors=FILE --config.training.num_epochs=20

The corpus may have any of the formats under --format. Without a dev file, the splits are drawn at random.
Started again with the same workdir, training resumes where it stopped. SIGTERM and Ctrl-C end it after the
running step, with everything saved and the exit status 75 or 130. With --encoder=minilm, or a folder
with the files of a pretrained encoder, contextual features are computed first and kept. --population=5 trains
five seeds as one program, each as an ordinary run in a folder of its own: WORKDIR/seed_0, ...
Several hosts train one run if the command is started on each of them, with --coordinator and the same workdir
in a folder that they share; SLURM, Open MPI, TPU pods and Kubernetes need no flag.
"""

import dataclasses
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import jax
from absl import flags

from cman_jax.app.corpus_flags import corpus_of_flags, corpus_place, describe_corpus
from cman_jax.app.encoder_flags import encoder_for_training
from cman_jax.app.flags import define_config, refuse_unread
from cman_jax.app.hosts_flags import on_hosts
from cman_jax.app.reporting import report_after_training
from cman_jax.app.runtime import start_jax
from cman_jax.app.scoring import evaluate
from cman_jax.app.signals import Interrupted, stopping_by_signals
from cman_jax.app.telemetry_flags import displays_of_flags
from cman_jax.app.totals import Totals
from cman_jax.app.tuning import calibrate, trained_on
from cman_jax.config import Config
from cman_jax.config_checks import validate
from cman_jax.data.annotated import AnnotatedCorpus
from cman_jax.data.corpus import write_jsonl
from cman_jax.data.draw import parse_shares
from cman_jax.data.negatives import mix_negatives
from cman_jax.data.stored import joined
from cman_jax.encoders.encoder import Encoder
from cman_jax.errors import InputError
from cman_jax.run.lock import training_in
from cman_jax.run.provenance import Splits, split_digest
from cman_jax.training.hosts import Hosts
from cman_jax.training.loop import train_population
from cman_jax.training.member import Job
from cman_jax.training.open_run import with_precision
from cman_jax.training.parallel import WAYS
from cman_jax.training.progress import Progress
from cman_jax.training.stopping import Stop

_CONFIG = define_config("custom")
_WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the run, new or to be resumed.", required=True)
_VECTORS = flags.DEFINE_string(
    "vectors",
    None,
    "File of pretrained word vectors: word2vec or GloVe text, also gzipped, or word2vec binary.",
)
_SPLIT = flags.DEFINE_string(
    "split",
    "0.8,0.1,0.1",
    "Shares of train, dev and test, to draw the splits that the corpus does not have, by document.",
)
_SPLIT_SEED = flags.DEFINE_integer("split_seed", 0, "Seed of that draw, and of negatives.", lower_bound=0)
_NEGATIVES = flags.DEFINE_string(
    "negatives",
    None,
    "File of sentences without relations, one per line, to train on too. JSON keeps its entities; raw text "
    "teaches that nothing is there.",
)
_NEGATIVES_SHARE = flags.DEFINE_float(
    "negatives_share", 0.2, "Share of them in the training sentences, chosen by --split_seed.", 0.0, 0.95
)
_POPULATION = flags.DEFINE_integer(
    "population",
    1,
    "Number of seeds that are trained together, from --config.training.seed on.",
    lower_bound=1,
)
_DEVICES = flags.DEFINE_integer(
    "num_devices",
    0,
    "Number of devices of all hosts that share each batch, or the seeds of a population; 0: all. "
    "The CPU of a single host is divided into as many devices, at most one for each core.",
    lower_bound=0,
)
_PARALLEL = flags.DEFINE_enum(
    "parallel",
    "auto",
    WAYS,
    "How devices share a batch: jit for one device, pmap or mesh for several, mesh for hosts; auto: "
    "jit for one, mesh for devices of a CPU and several hosts, or else pmap.",
)
_REPORT = flags.DEFINE_bool("report", True, "Write WORKDIR/report.html at the end.")
_SAVE_EVERY = flags.DEFINE_float(
    "save_every",
    0.0,
    "Minutes between two saves within an epoch, for long epochs; 0: only finished epochs are saved.",
    lower_bound=0.0,
)


def main(argv: Sequence[str]) -> int:
    """Trains and scores as the flags say; returns the exit status, which says whether a signal ended it."""
    del argv
    return on_hosts(_train_until_stopped)


def _train_until_stopped(hosts: Hosts) -> int:
    """Trains and scores as the flags say, with other hosts or alone; returns the exit status."""
    stop = Stop(_SAVE_EVERY.value, hosts)
    try:
        with stopping_by_signals(stop):
            _train(stop, hosts)
    except Interrupted as end:
        print(f"interrupted by {end}", file=sys.stderr)
        return end.status
    return 0


def _train(stop: Stop, hosts: Hosts) -> None:
    """Trains and scores as the flags say."""
    if _POPULATION.value > 1:
        refuse_unread([_PARALLEL.name], "a single run, because a population's runs are dealt out as a mesh")
    start_jax(_DEVICES.value)
    workdir, devices = Path(_WORKDIR.value), _DEVICES.value or jax.device_count()
    corpus = _corpus()
    splits, totals = corpus.splits, Totals()
    progress = displays_of_flags(workdir, totals) if hosts.first else Progress()
    jobs = [
        Job(config, splits, folder) for config, folder in seeds(_CONFIG.value, workdir, _POPULATION.value)
    ]
    with ExitStack() as stack:
        for folder in (workdir, *(job.workdir for job in jobs)) if hosts.first else ():
            stack.enter_context(training_in(folder))
        validate(_CONFIG.value)  # before the features, which take a while
        with hosts.in_turn():
            if hosts.first:
                keep_splits(corpus, workdir)
            encoder = encoder_for_training(joined(splits.values()), workdir, _CONFIG.value.encoder)
        print(machine_line(jobs[0], encoder, devices), flush=True)
        first, *_ = train_population(
            jobs,
            vectors=Path(_VECTORS.value) if _VECTORS.value else None,
            encoder=encoder,
            num_devices=devices,
            parallel=_PARALLEL.value,
            progress=progress,
            stop=stop,
            hosts=hosts,
        )
        for job in jobs if hosts.first else ():
            finish(job, splits, encoder)
    print(f"\n{totals.line(first.param_shapes(), devices)}", flush=True)


def _corpus() -> AnnotatedCorpus:
    """Returns the corpus with splits and negatives as the flags say, after a description of it."""
    corpus = corpus_of_flags(parse_shares(_SPLIT.value), _SPLIT_SEED.value)
    if _NEGATIVES.value:
        corpus = mix_negatives(corpus, Path(_NEGATIVES.value), _NEGATIVES_SHARE.value, _SPLIT_SEED.value)
    print(describe_corpus(corpus), flush=True)
    return corpus


def finish(job: Job, splits: Splits, encoder: Encoder | None) -> None:
    """Calibrates and scores a trained run, and writes its report."""
    trained = job.config.training.trained_splits
    if split := trained_on(job.workdir, split_digest(splits["dev"])):
        print(
            f"note: dev is part of what was trained on ({split}): no calibrated probabilities",
            file=sys.stderr,
        )
    elif splits["dev"]:
        calibrate(job.workdir, splits["dev"], encoder)
    evaluate(job.workdir, {name: splits[name] for name in splits if name != "train"}, encoder)
    if _REPORT.value:
        print(f"\n{report_after_training(job.workdir, splits, trained, encoder)}", flush=True)


def seeds(config: Config, workdir: Path, population: int) -> list[tuple[Config, Path]]:
    """Returns the config with each seed, and the folder of its run: the workdir itself for a single run."""
    if population == 1:
        return [(config, workdir)]
    first = config.training.seed
    return [
        (
            dataclasses.replace(config, training=dataclasses.replace(config.training, seed=seed)),
            workdir / f"seed_{seed}",
        )
        for seed in range(first, first + population)
    ]


def machine_line(job: Job, encoder: Encoder | None, num_devices: int) -> str:
    """Returns the line about what the network reads besides its own words, and where it is trained."""
    precision = with_precision(job.config, job.workdir).training.precision
    kind = jax.local_devices()[0].device_kind
    name = "none" if encoder is None else f"{encoder.spec.name}, {encoder.spec.num_layers} layers"
    vectors = _VECTORS.value or "none, they are trained"
    return f"encoder: {name}; word vectors: {vectors}; device: {num_devices} x {kind}, {precision}"


def keep_splits(corpus: AnnotatedCorpus, workdir: Path) -> None:
    """Writes the splits into the workdir in canonical form, unless they are files of that form already.

    If a training has begun there, with any seed, its splits stay; those of a start that failed are replaced.

    Raises:
      InputError: the corpus itself would be replaced.
    """
    if corpus.format == "canonical" and not corpus.drawn:
        return
    begun = any(next(workdir.glob(place), None) for place in ("config.json", "*/config.json"))
    folder, source = workdir / "data", Path(corpus_place()[0])
    if not begun and source.resolve().is_relative_to(folder.resolve()):
        found = f"--data={source}, where this run would keep other splits"
        raise InputError(workdir, None, found, "another --workdir, or the corpus in another folder")
    for split, sentences in corpus.splits.items():
        path = folder / f"{split}.jsonl"
        if not (begun and path.exists()):
            write_jsonl(path, sentences)
