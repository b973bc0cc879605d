"""The training loop: epochs of steps, dev scores, metrics and checkpoints; continues where it stopped."""

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cman_jax.config import Config, validate
from cman_jax.contextual.encoder import Encoder, encode_all
from cman_jax.data.batching import Example, Plan, plan_batches
from cman_jax.evaluation.predict import Predictor, score_annotations
from cman_jax.system import System
from cman_jax.training.checkpoint import Checkpoints
from cman_jax.training.optimizer import make_optimizer
from cman_jax.training.parallel import ParallelStep
from cman_jax.training.progress import Progress
from cman_jax.training.run import Splits, open_run, read_metrics, write_metrics
from cman_jax.training.step import Metrics, TrainState, train_step
from cman_jax.types import Annotation, Batch, Sentence


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
      InputError: bad vectors, a sentence without features, or a workdir whose run had other settings or data.
    """
    validate(config)
    if config.training.batch_size % num_devices:
        raise ValueError(f"batch_size {config.training.batch_size} is not divisible by {num_devices} devices")
    progress = progress or Progress()
    system = open_run(config, splits, workdir, vectors, None if encoder is None else encoder.spec)
    examples = encode_all(training_sentences(config, splits), system.vocabs, encoder)
    optimizer = make_optimizer(config.training, len(examples))
    step = ParallelStep(
        partial(train_step, system.model, optimizer, config.training.alpha), system.constants, num_devices
    )
    predictor = Predictor(system)
    dev_examples = encode_all(splits["dev"], system.vocabs, encoder)
    key, init_key = jax.random.split(jax.random.key(config.training.seed))
    with Checkpoints(workdir / "checkpoints") as checkpoints:
        params = system.init_params(init_key)
        state = TrainState(jnp.zeros((), jnp.int32), params, optimizer.init(params))
        done, state = checkpoints.restore_latest(state)
        rows = [row for row in read_metrics(workdir) if row["epoch"] <= done]
        state = step.place(state)
        for epoch in range(done + 1, config.training.num_epochs + 1):
            plans = epoch_plans(examples, config, epoch)
            progress.start_epoch(epoch, config.training.num_epochs, len(examples))
            state, row = run_epoch(step, state, plans, examples, system, key, progress)
            annotations = predictor(step.fetch(state.params), dev_examples)
            scores = dev_scores(system, splits["dev"], annotations)
            rows.append({"epoch": epoch, **row, **scores})
            progress.end_epoch(rows)
            write_metrics(workdir, rows)
            checkpoints.save(epoch, step.fetch(state), scores["selection"])
    return system


def training_sentences(config: Config, splits: Splits) -> Sequence[Sentence]:
    """What the protocol trains on: "train", or "dev" as well."""
    both = config.training.protocol == "train+dev"
    return [*splits["train"], *splits["dev"]] if both else splits["train"]


def epoch_plans(examples: Sequence[Example], config: Config, epoch: int) -> list[Plan]:
    """The batches of an epoch: a function of seed and epoch alone, so a resumed run draws the same.

    The seed says which sentences share a batch; which length comes when is the same for all seeds, and
    nearly so for data that differ little, so that several runs can be stepped together.
    """
    rng = np.random.default_rng((config.training.seed, epoch))
    lengths = [len(example.word_ids) for example in examples]
    plans = plan_batches(lengths, config.data, config.training.batch_size, rng)
    return [plans[i] for i in np.random.default_rng(epoch).random(len(plans)).argsort()]


def run_epoch(
    step: ParallelStep,
    state: TrainState,
    plans: Sequence[Plan],
    examples: Sequence[Example],
    system: System,
    key: jax.Array,
    progress: Progress,
) -> tuple[TrainState, dict[str, float]]:
    """One pass over the plans. Returns the new state, and mean losses (nats per sentence) with the speed."""
    start, history = time.perf_counter(), []
    for plan in plans:
        shards = _shards(plan, examples, system, step.num_devices)
        state, metrics = step(state, shards, key)
        history.append(metrics)
        progress.advance(len(plan.indices))
    means = _means(jax.device_get(history))
    seconds = time.perf_counter() - start
    return state, {
        **means,
        "seconds": round(seconds, 3),
        "sentences_per_second": round(len(examples) / seconds, 1),
    }


def dev_scores(
    system: System, sentences: Sequence[Sentence], annotations: Sequence[Annotation]
) -> dict[str, Any]:
    """`{"dev": {"ner": f1, "re": f1}, "selection": their mean}`, in %, by the configured convention."""
    scores = score_annotations(system, sentences, annotations)
    convention = system.config.scoring.convention
    f1 = {task: scores.f1(task, **convention) for task in ("ner", "re")}
    return {"dev": f1, "selection": (f1["ner"] + f1["re"]) / 2}


def _shards(plan: Plan, examples: Sequence[Example], system: System, num_devices: int) -> list[Batch]:
    """The batch, dealt out to the devices in turn so that each has long and short sentences."""
    size = system.config.training.batch_size // num_devices
    parts = [[examples[i] for i in plan.indices[k::num_devices]] for k in range(num_devices)]
    return [system.collate(part, plan.length, size) for part in parts]


def _means(history: Sequence[Metrics]) -> dict[str, float]:
    """Means over sentences, of steps that had different numbers of them."""
    weights = np.array([metrics.num_sentences for metrics in history])
    names = [name for name in Metrics._fields if name != "num_sentences"]
    return {
        name: round(float(np.average([getattr(m, name) for m in history], weights=weights)), 5)
        for name in names
    }
