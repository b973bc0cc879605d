"""The training loop of the PyTorch twin, with the data, batches, decoding and scores of the JAX loop.

The JAX loop is `cman_jax.training.loop`.
"""

import operator
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from cman_jax.config import Config, TrainingConfig
from cman_jax.data.batching import Example, encode
from cman_jax.data.stored import summaries_of
from cman_jax.errors import InputError
from cman_jax.inference.predict import Predictor
from cman_jax.run.provenance import Splits
from cman_jax.run.system import System
from cman_jax.training.member import dev_scores
from cman_jax.training.open_run import open_run
from cman_jax.training.plans import epoch_plans
from cman_jax.training.progress import Progress
from cman_jax.types import Annotation, Batch, Params, Predictions
from experiments.torch_reference.batch import to_torch
from experiments.torch_reference.convert import load_params
from experiments.torch_reference.network import TorchCMAN
from experiments.torch_reference.step import predict_step, train_step

_WITHOUT = {"model.word_dropout": 0, "training.positive_weight": 1, "training.relation_smoothing": 0}
"""Settings that the twin does not have, with the value that means "without"."""


def make_network(system: System, params: Params, device: torch.device | str = "cpu") -> TorchCMAN:
    """Returns the PyTorch twin of the system's network, with the given parameters.

    Args:
      system: the system with the JAX network.
      params: the parameters of the JAX network.
      device: the device for the twin.

    Raises:
      InputError: the network is not CMAN, or has an option that the twin does not have.
    """
    kind = system.config.model.network
    if kind != "cman":
        expected = "'cman', the only network with a PyTorch twin"
        raise InputError("config", None, f"network {kind!r}", expected)
    for name, without in _WITHOUT.items():
        value = operator.attrgetter(name)(system.config)
        if value != without:
            expected = f"{without}, because the PyTorch twin does not have this option"
            raise InputError("config", None, f"{name} {value}", expected)
    word_dim = system.constants["word"]["vectors"].shape[1] if system.constants else None
    network = TorchCMAN(system.config.model, system.model.sizes, word_dim)
    load_params(network, params, system.constants)
    return network.to(device)


def make_optimizer(network: TorchCMAN, config: TrainingConfig) -> torch.optim.Optimizer:
    """Returns Adam over all trained parameters.

    Args:
      network: the network.
      config: the config of the training.

    Raises:
      InputError: the config has a learning-rate schedule.
    """
    if config.final_rate != 1:
        expected = "1, because the PyTorch twin has no learning-rate schedule"
        raise InputError("config", None, f"final_rate {config.final_rate}", expected)
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    return torch.optim.Adam(trained, lr=config.learning_rate)


def train(
    config: Config,
    splits: Splits,
    workdir: Path,
    params: Params,
    *,
    vectors: Path | None = None,
    device: torch.device | str = "cpu",
    distinct_words: bool = False,
    wrap: Callable[[Callable], Callable] = lambda function: function,
    progress: Progress | None = None,
) -> TorchCMAN:
    """Trains from `params` on "train"; after every epoch scores "dev" and saves a checkpoint.

    Args:
      config: the config of the experiment.
      splits: the sentences of "train" and "dev".
      workdir: the folder of the run.
      params: the initial parameters, of the JAX network.
      vectors: the file of word vectors; None: the network trains its own word vectors.
      device: the device to train on.
      distinct_words: whether characters are encoded once per distinct word; see `to_torch`.
      wrap: is applied to the training and the prediction step, such as `torch.compile`.
      progress: is called around every epoch; a row holds losses, seconds and the scores on "dev".
    """
    progress = progress or Progress()
    system = open_run(config, summaries_of(splits), workdir, vectors)
    examples, dev_examples = ([encode(s, system.vocabs) for s in splits[name]] for name in ("train", "dev"))
    lengths = [example.room(config.data) for example in examples]
    network = make_network(system, params, device)
    optimizer = make_optimizer(network, config.training)
    step, predict = wrap(train_step), wrap(predict_step)
    rows = []
    for epoch in range(1, config.training.num_epochs + 1):
        progress.start_epoch(epoch, config.training.num_epochs, len(examples))
        start, losses = time.perf_counter(), []
        network.train()
        for plan in epoch_plans(lengths, config, epoch):
            batch = system.collate([examples[i] for i in plan.indices], plan.length)
            batch = to_torch(batch, device, distinct_words=distinct_words)
            losses.append(step(network, optimizer, batch, config.training.alpha, config.training.clip_norm))
            progress.advance(len(plan.indices))
        ner, relation = (sum(float(x[i].detach()) for x in losses) / len(examples) for i in (0, 1))
        seconds = time.perf_counter() - start
        annotations = annotate(network, system, dev_examples, device, distinct_words, predict)
        scores = dev_scores(system, splits["dev"], annotations)
        row = {"ner_loss": ner, "relation_loss": relation, "seconds": seconds}
        rows.append({"epoch": epoch, **row, **scores})
        progress.end_epoch(rows)
        state = {"network": network.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch}
        torch.save(state, workdir / "checkpoint.pt")
    return network


def annotate(
    network: TorchCMAN,
    system: System,
    examples: Sequence[Example],
    device: torch.device | str = "cpu",
    distinct_words: bool = False,
    predict: Callable = predict_step,
) -> list[Annotation]:
    """Predicts one annotation per example, in the order of the examples.

    Entity probabilities are not computed; they are 0.

    Args:
      network: the network.
      system: the system of the network.
      examples: the encoded sentences.
      device: the device of the network.
      distinct_words: whether characters are encoded once per distinct word; see `to_torch`.
      predict: the prediction step.
    """
    network.eval()
    num_tags = len(system.vocabs.tags)

    def step(network: TorchCMAN, batch: Batch) -> Predictions:
        found = predict(network, to_torch(batch, device, distinct_words=distinct_words))
        # Row k of the PyTorch batch is the k-th sentence with a token; rows of empty sentences are not read.
        rows = np.cumsum(batch.mask.any(1)) - 1
        tags, relation_prob = (x.float().cpu().numpy()[rows] for x in found)
        size, n = tags.shape
        edge_prob = np.zeros((size, n, num_tags, num_tags), np.float32)
        return Predictions(tags.astype(np.int64), relation_prob, edge_prob[:, 0, 0], edge_prob)

    return Predictor(system, step)(network, examples)  # the network in place of its parameters
