"""Table 3: relations predicted from the gold tags in place of the predicted ones."""

import functools

import jax
import jax.numpy as jnp
from flax import linen as nn

from cman_jax.app.scoring import write_predictions
from cman_jax.compilation import compiler_options
from cman_jax.data.bio import allowed_transitions
from cman_jax.encoders.encoder import Encoder, encode_all
from cman_jax.inference.extractor import Extractor
from cman_jax.inference.predict import Predictor
from cman_jax.inference.steps import Allowed
from cman_jax.layers.crf import constrain, marginals, viterbi
from cman_jax.model.network import JointNetwork
from cman_jax.run.entries import entry_of
from cman_jax.run.manifest import update_json
from cman_jax.run.system import System
from cman_jax.types import Batch, Constants, Params, Predictions, Sentence
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


class GoldLabelStep:
    """Predicts a batch as `inference.steps.predict_step`, but relations read the batch's own tags.

    Args:
      system: the network with its settings.
    """

    def __init__(self, system: System):
        allowed = allowed_transitions(system.vocabs.tags) if system.config.decoding.bio_constraints else None
        self._allowed = None if allowed is None else tuple(map(jnp.asarray, allowed))
        self._model, self._constants = system.model, system.constants

    def __call__(self, params: Params, batch: Batch) -> Predictions:
        """Returns tags and probabilities of entities as predicted, and relations by the gold tags."""
        return _compiled()(self._model, params, self._constants, batch, self._allowed)


@functools.cache
def _compiled() -> jax.stages.Wrapped:
    """Returns the step as a program, compiled once per network and shape."""
    return jax.jit(_step, static_argnums=0, compiler_options=compiler_options())


def _step(
    model: JointNetwork, params: Params, constants: Constants, batch: Batch, allowed: Allowed
) -> Predictions:
    """Applies the network with the gold tags for labels."""
    variables = {"params": params, "constants": constants}
    return model.apply(variables, batch, allowed, method=_predict)


def _predict(model: JointNetwork, batch: Batch, allowed: Allowed) -> Predictions:
    """Predicts tags from the tokens, and relations from the tokens and the gold tags."""
    x = model.encode_tokens(model.encode_inputs(batch), batch.mask, train=False)
    tagging = model.tag(x, batch.mask)
    if allowed is not None:
        tagging = constrain(tagging, *allowed)
    label_states = model.encode_labels(batch.tags, batch.mask)
    relation_prob = nn.sigmoid(model.relate(x, label_states, batch.mask, train=False))
    probabilities = marginals(tagging, batch.mask)
    return Predictions(
        viterbi(tagging, batch.mask), relation_prob, probabilities.initial, probabilities.pairwise
    )
