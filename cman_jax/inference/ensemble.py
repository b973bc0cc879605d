"""An ensemble: several runs that differ in their seed predict together, from the means of their scores.

The tags are those of the averaged CRF potentials. Every network reads them as labels, and the relation logits
are averaged.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from cman_jax.encoders.encoder import Encoder
from cman_jax.errors import InputError
from cman_jax.inference.extractor import Extractor
from cman_jax.inference.steps import Allowed, SystemStep, decide, read_labels, tag_tokens, with_relations
from cman_jax.layers.crf import marginals
from cman_jax.layers.scalar_mix import layer_shares
from cman_jax.model.network import JointNetwork
from cman_jax.run.calibration import Calibration
from cman_jax.types import Batch, Constants, CRFPotentials, Params, Predictions, TokenPredictions

Encoders = Sequence[Encoder | str | Path | None]
"""The encoder of each run."""

UNCALIBRATED = "the averaged probabilities are not calibrated"
"""The note about every ensemble."""


def predict_step(
    model: JointNetwork, params: Params, constants: Constants, batch: Batch, allowed: Allowed = None
) -> Predictions:
    """Predicts Viterbi tags, then relation probabilities given the tags, with all networks.

    Args:
      model: the network of all runs.
      params, constants: the stacked arrays of the runs.
      batch: the sentences.
      allowed: what the tags are constrained to.
    """
    tokens = predict_tokens(model, params, constants, batch, allowed)
    vectors = tokens.relation_tokens
    return with_relations(tokens, predict_pairs(model, params, vectors, vectors))


def predict_tokens(
    model: JointNetwork, params: Params, constants: Constants, batch: Batch, allowed: Allowed = None
) -> TokenPredictions:
    """Computes what `predict_step` computes, except the scores of pairs of tokens.

    The vectors of a token from all networks are concatenated. The arguments are those of `predict_step`.
    """

    def tag(params: Params, constants: Constants) -> tuple[Array, CRFPotentials]:
        return model.apply({"params": params, "constants": constants}, batch, method=tag_tokens)

    def read(params: Params, constants: Constants, x: Array) -> Array:
        variables = {"params": params, "constants": constants}
        return model.apply(variables, x, tags, batch, method=read_labels)

    states, tagging = jax.vmap(tag)(params, constants)
    tagging, tags = decide(jax.tree.map(lambda x: x.mean(0), tagging), batch, allowed)
    vectors = jax.vmap(read)(params, constants, states)  # [k b n d]
    probabilities = marginals(tagging, batch.mask)
    joined = jnp.moveaxis(vectors, 0, 2).reshape(*tags.shape, -1)
    return TokenPredictions(tags, probabilities.initial, probabilities.pairwise, joined)


def predict_pairs(
    model: JointNetwork, params: Params, subjects: Float[Array, "b n kd"], objects: Float[Array, "b m kd"]
) -> Float[Array, "b n m r"]:
    """Predicts relation probabilities of some tokens of `predict_tokens`, from the runs' mean logits."""
    num_runs = len(jax.tree.leaves(params)[0])

    def of_each(x: Array) -> Float[Array, "k b n d"]:
        return jnp.moveaxis(x.reshape(*x.shape[:2], num_runs, -1), 2, 0)

    def score(params: Params, subjects: Array, objects: Array) -> Array:
        return model.apply({"params": params}, method=lambda model: model.relation(subjects, objects))

    return nn.sigmoid(jax.vmap(score)(params, of_each(subjects), of_each(objects)).mean(0))


class EnsembleStep(SystemStep):
    """The steps of several systems with the same network, whose parameters and constants are stacked."""

    predict, tokens_of, pairs_of = map(staticmethod, (predict_step, predict_tokens, predict_pairs))


class Ensemble(Extractor):
    """Several trained networks that extract together.

    Attributes:
      system: the first run's; its constants are those of all runs, stacked.
      params: the parameters of all runs, stacked.
      workdir, epoch, encoder, constraints: the first run's.
      calibration: changes nothing.
    """

    make_step = EnsembleStep

    @classmethod
    def of(cls, extractors: Sequence[Extractor]) -> "Ensemble":
        """Returns the ensemble of networks that were loaded with the same options.

        Args:
          extractors: the networks.

        Raises:
          InputError: two networks differ in more than the seed, or there is no network.
        """
        if not extractors:
            raise InputError("ensemble", None, "no run", "the folders of one or more runs")
        first, *others = extractors
        for other in others:
            if difference := _difference(first, other):
                expected = f"{difference} of {first.workdir}, because only such networks can be averaged"
                raise InputError(other.workdir, None, f"other {difference}", expected)
        params = _stacked([each.params for each in extractors])
        system = first.system._replace(constants=_stacked([each.system.constants for each in extractors]))
        ensemble = cls(system, params, first.epoch, first.encoder, first.workdir)
        ensemble.constraints = first.constraints
        ensemble.notes = (UNCALIBRATED, *dict.fromkeys(note for each in extractors for note in each.notes))
        ensemble.calibration = Calibration()
        return ensemble

    @property
    def layer_shares(self) -> list[float]:
        """Returns the mean factor of each layer of the encoder, the lowest first; empty without features."""
        mix = self.params.get("mix")
        return [] if mix is None else jax.vmap(lambda each: layer_shares(**each))(mix).mean(0).tolist()

    @classmethod
    def load(
        cls, workdirs: Sequence[str | Path], *, encoders: Encoders | None = None, **options: Any
    ) -> "Ensemble":
        """Loads an ensemble of runs.

        Args:
          workdirs: the working directories of the runs, or names of installed models.
          encoders: the argument `encoder` of `Extractor.load` for each run; None: None for all.
          **options: as for `Extractor.load`, but the threshold is a number.

        Raises:
          InputError: as `Extractor.load` and `of`.
        """
        return cls.of(_loaded(Extractor.load, workdirs, encoders, options))

    @classmethod
    def as_configured(
        cls, workdirs: Sequence[str | Path], *, encoders: Encoders | None = None, **options: Any
    ) -> "Ensemble":
        """Loads an ensemble of runs that decodes as the first run's config says.

        Args:
          workdirs, encoders: as for `load`.
          **options: as for `Extractor.as_configured`, but the threshold is a number.

        Raises:
          InputError: as `Extractor.as_configured` and `of`.
        """
        return cls.of(_loaded(Extractor.as_configured, workdirs, encoders, options))


def _loaded(
    load: Callable[..., Extractor],
    workdirs: Sequence[str | Path],
    encoders: Encoders | None,
    options: Mapping[str, Any],
) -> list[Extractor]:
    """Returns the network of each run, with an encoder of its own and the same options."""
    if options.get("threshold") == "dev":
        expected = "a number, because a tuned threshold is that of a single run"
        raise InputError("decoding option threshold", None, "'dev' for several runs", expected)
    if isinstance(workdirs, str | Path):
        raise InputError("ensemble", None, f"one folder, {str(workdirs)!r}", "a list of folders of runs")
    encoders = encoders or [None] * len(workdirs)
    if len(encoders) != len(workdirs):
        found = f"{len(encoders)} encoders for {len(workdirs)} runs"
        raise InputError("ensemble", None, found, "an encoder or None for each run, or no encoders")
    return [load(run, encoder=each, **options) for run, each in zip(workdirs, encoders, strict=True)]


def _difference(first: Extractor, other: Extractor) -> str | None:
    """Returns in which respect two networks cannot be averaged; None: they can."""
    ours, theirs = first.system, other.system
    if ours.vocabs != theirs.vocabs:
        return "vocabularies"
    if ours.model != theirs.model:
        return "settings of the network"
    if ours.encoder != theirs.encoder:
        return "features"
    if jax.tree.map(jnp.shape, ours.constants) != jax.tree.map(jnp.shape, theirs.constants):
        return "width of word vectors"
    return None


def _stacked(trees: Sequence[Any]) -> Any:
    """Returns trees of arrays with a new first axis for the runs."""
    return jax.tree.map(lambda *leaves: jnp.stack([jnp.asarray(leaf) for leaf in leaves]), *trees)
