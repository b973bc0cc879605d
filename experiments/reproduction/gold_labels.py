"""Table 3: relations predicted from the gold tags in place of the predicted ones."""

import functools
from collections.abc import Callable
from typing import Any

import jax

from cman_jax.app.scoring import write_predictions
from cman_jax.compilation import Ahead, compiler_options
from cman_jax.encoders.encoder import Encoder, encode_all
from cman_jax.inference import steps
from cman_jax.inference.extractor import Extractor
from cman_jax.inference.predict import Predictor
from cman_jax.inference.steps import Allowed, SystemStep
from cman_jax.layers.products import in_precision
from cman_jax.model.network import JointNetwork
from cman_jax.run.entries import entry_of
from cman_jax.run.manifest import update_json
from cman_jax.types import Batch, Constants, Params, Predictions, Sentence, TokenPredictions
from experiments.reproduction.runs import Run

GOLD_LABELS = "test_gold_labels"
"""The entry of scores.json with a run's scores on test with gold labels."""


def score_gold_labels(run: Run, test: list[Sentence], encoder: Encoder | None) -> None:
    """Scores a run on its test split with gold labels: an entry of scores.json, and the predictions."""
    extractor = Extractor.as_configured(run.workdir, encoder=encoder)
    system = extractor.system
    examples = encode_all(test, system.vocabs, extractor.encoder)
    annotations = Predictor(system, GoldLabelStep(system))(extractor.params, examples)
    entry = entry_of(run.workdir, "test", test, system.config.decoding, extractor.epoch)
    write_predictions(run.workdir, GOLD_LABELS, test, annotations)
    scores = extractor.score(test, annotations).as_dict()
    update_json(run.workdir / "scores.json", {GOLD_LABELS: {**entry.about, "labels": "gold", **scores}})


def predict_step(
    model: JointNetwork, params: Params, constants: Constants, batch: Batch, allowed: Allowed = None
) -> Predictions:
    """Returns tags and probabilities of entities as predicted, and relations by the gold tags."""
    return steps.predict_step(model, params, constants, batch, allowed, batch.tags)


def predict_tokens(
    model: JointNetwork, params: Params, constants: Constants, batch: Batch, allowed: Allowed = None
) -> TokenPredictions:
    """Computes what `predict_step` computes, except the scores of pairs of tokens."""
    return steps.predict_tokens(model, params, constants, batch, allowed, batch.tags)


class GoldLabelStep(SystemStep):
    """The steps of a system whose relations read gold tags."""

    predict, tokens_of = staticmethod(predict_step), staticmethod(predict_tokens)

    def _compiled(self, step: Callable[..., Any]) -> Ahead:
        return _compiled(step, self._precision)


@functools.cache
def _compiled(step: Callable[..., Any], precision: str) -> Ahead:
    """Returns a step's programs, which are not kept between processes: their source is not in the library."""
    function = in_precision(precision, step)
    return Ahead(jax.jit(function, static_argnums=0, compiler_options=compiler_options()))
