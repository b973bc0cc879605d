"""The folder of a finished run without a training: a small network with random parameters."""

from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np

from cman_jax.config import Config
from cman_jax.data.summary import summarise
from cman_jax.files import write_json
from cman_jax.run.calibration import Calibration, Platt, write_entry
from cman_jax.run.checkpoint import Checkpoints
from cman_jax.run.constraints import learn_constraints, write_constraints
from cman_jax.run.provenance import split_digest
from cman_jax.run.record import write_metrics
from cman_jax.run.system import System
from cman_jax.training.optimizer import make_optimizer
from cman_jax.training.step import TrainState
from cman_jax.types import EncoderSpec, Sentence
from tests.builders import SENTENCES, SMALL_DATA, SMALL_MODEL, changed, normal, vocabs_of


def finished_run(
    workdir: Path, sentences: Sequence[Sentence] = SENTENCES, encoder: EncoderSpec | None = None
) -> System:
    """Writes a run of three epochs, of which the second is the best, and returns its system."""
    model = changed(SMALL_MODEL, sequence_layer="mlp", num_bsa=1)
    config = Config(model=model, data=SMALL_DATA)
    config.training.batch_size = 4
    system = System.build(config, vocabs_of(sentences), encoder=encoder)
    system.save(workdir)
    shapes, tree = jax.tree.flatten(system.param_shapes())
    selections = {1: 10.0, 2: 30.0, 3: 20.0}
    write_metrics(workdir, [{"epoch": epoch, "selection": score} for epoch, score in selections.items()])
    with Checkpoints(workdir / "checkpoints") as checkpoints:
        for epoch, score in selections.items():
            leaves = [normal(100 * epoch + seed, *leaf.shape) for seed, leaf in enumerate(shapes)]
            params = jax.tree.map(np.asarray, jax.tree.unflatten(tree, leaves))
            checkpoints.save(epoch, TrainState.start(params, make_optimizer(config.training)), score)
    write_constraints(workdir, learn_constraints([summarise(sentences)]))
    fitted = Calibration(ner=Platt(0.5, 0.1), re=Platt(0.8, -0.2))
    entry = {task: part._asdict() for task, part in fitted._asdict().items()}
    write_entry(workdir, "probabilities", 2, split_digest(sentences), entry)
    f1 = {"strict": {"with_other": {"micro": {"f1": 12.25}, "macro": {"f1": 6.0}}}}
    write_json(workdir / "scores.json", {"test": {"epoch": 2, "ner": f1, "re": f1}})
    return system
