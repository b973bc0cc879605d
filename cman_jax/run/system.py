"""A network with everything that it needs except parameters, and its files in a run's working directory."""

import dataclasses
import io
import json
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, PRNGKeyArray

from cman_jax.compilation import compiler_options, shapes_of
from cman_jax.config import Config, DecodingConfig, to_dict
from cman_jax.config_checks import config_from_json
from cman_jax.data.batching import Example, collate, collate_alike
from cman_jax.data.vocab import Vocabs
from cman_jax.encoders.of_run import Trained, trained_part_of_run
from cman_jax.encoders.store.source import parse_spec
from cman_jax.errors import InputError, UnfitSettings
from cman_jax.files import json_bytes, json_text, read_json
from cman_jax.folders import refuse_links_out
from cman_jax.kept import kept
from cman_jax.model.baseline import MultiHead
from cman_jax.model.cman import CMAN
from cman_jax.model.init import glorot_init
from cman_jax.model.network import JointNetwork
from cman_jax.numpy_files import read_npy
from cman_jax.programs import describe
from cman_jax.run.manifest import ENCODER_FILES, check_listed, write_files
from cman_jax.types import Batch, Constants, EncoderSpec, Params


class System(NamedTuple):
    """A network with everything that it needs except parameters and the encoder whose features it reads."""

    config: Config
    vocabs: Vocabs
    model: JointNetwork
    constants: Constants
    encoder: EncoderSpec | None  # of the contextual features

    @classmethod
    def build(
        cls,
        config: Config,
        vocabs: Vocabs,
        vectors: np.ndarray | None = None,
        encoder: EncoderSpec | None = None,
        trained: Trained | None = None,
    ) -> "System":
        """Builds the network for these data.

        Args:
          config: the settings.
          vocabs: the vocabularies of the data.
          vectors: pretrained word vectors, row by word id; None: word vectors are trained.
          encoder: the encoder of the contextual features; None: no contextual features.
          trained: the encoder's trained layers; None: it is frozen.

        Raises:
          UnfitSettings: the features are to be projected, but there are no features.
        """
        if config.model.feature_dim and encoder is None:
            found = f"config.model.feature_dim is {config.model.feature_dim}"
            raise UnfitSettings(f"{found}; allowed: 0 without contextual features")
        constants = {} if vectors is None else {"word": {"vectors": jnp.asarray(vectors)}}
        sizes, upper = vocabs.sizes_with(encoder), None
        if trained is not None:
            upper = trained.upper
            sizes = sizes._replace(feature_layers=upper.first + 1, longest_input=upper.config.longest_input)
            if trained.constants:
                constants["encoder"] = jax.tree.map(jnp.asarray, trained.constants)
        network = {"cman": CMAN, "multihead": MultiHead}[config.model.network]
        model = network(dataclasses.replace(config.model), sizes, upper)
        return cls(config, vocabs, model, constants, encoder)

    @classmethod
    def load(cls, workdir: Path) -> "System":
        """Loads the system of a run.

        Raises:
          InputError: the directory contains no run, or a file in it is damaged.
        """
        config = load_config(workdir)
        check_listed(workdir, "vocabs.json", "word_vectors.npy", "encoder.json")
        vocabs = Vocabs.load(workdir / "vocabs.json")
        vectors = _load_vectors(workdir, vocabs) if vocabs.frozen_words else None
        spec, trained = load_encoder_spec(workdir), None
        if spec is not None and not config.encoder.frozen:
            check_listed(workdir, *ENCODER_FILES)
            trained = trained_part_of_run(workdir, config.encoder)
        return cls.build(config, vocabs, vectors, spec, trained)

    def save(self, workdir: Path) -> None:
        """Writes the system into a working directory; `load` reads it on any machine."""
        vectors = encoder = None
        if "word" in self.constants:
            buffer = io.BytesIO()
            np.save(buffer, np.asarray(self.constants["word"]["vectors"]))
            vectors = buffer.getvalue()
        if self.encoder is not None:
            encoder = json_bytes(workdir / "encoder.json", self.encoder._asdict())
        files = {
            "vocabs.json": self.vocabs.to_bytes(),
            "word_vectors.npy": vectors,  # None removes the file of a start that was killed before this one
            "encoder.json": encoder,
        }
        write_files(workdir, files)
        write_config(workdir, self.config)

    def collate(self, examples: Sequence[Example], length: int, batch_size: int | None = None) -> Batch:
        """Returns one padded batch, by default of the configured size."""
        batch_size = batch_size or self.config.training.batch_size
        return collate(examples, length, self.config.data, batch_size, self.model.sizes)

    def collate_alike(
        self,
        groups: Sequence[Sequence[Example]],
        length: int,
        batch_size: int,
        own: Sequence[int] | None = None,
    ) -> list[Batch]:
        """Returns a padded batch of each group, or of the groups at `own`; all batches have one shape."""
        return collate_alike(groups, length, self.config.data, batch_size, self.model.sizes, own)

    def init_params(self, key: jax.Array) -> Params:
        """Draws initial parameters; all systems with this network share one compiled program."""
        return _compiled_init()(self.model, self.constants, self._blank(), key)

    def param_shapes(self) -> Params:
        """Returns the parameters' tree with shapes in place of arrays."""
        arguments = self.constants, self.collate([], 2, 1)

        def trace() -> bytes:
            key = jax.eval_shape(jax.random.key, 0)
            made = jax.eval_shape(partial(_init_params, self.model), *arguments, key)
            return json_text(jax.tree.map(lambda leaf: [leaf.dtype.name, leaf.shape], made)).encode()

        parts = "the shapes of parameters", describe(self.model), repr(shapes_of(*arguments))
        return jax.tree.map(
            lambda leaf: jax.ShapeDtypeStruct(tuple(leaf[1]), leaf[0]),
            json.loads(kept(parts, trace)),
            is_leaf=lambda tree: isinstance(tree, list),
        )

    def _blank(self) -> Batch:
        """Returns a batch without tokens, which only has the shapes."""
        return jax.tree.map(jnp.asarray, self.collate([], 2, 1))


def _init_params(model: JointNetwork, constants: Constants, blank: Batch, key: PRNGKeyArray) -> Params:
    # Not model.init: the constants are given, and parameters are made as they are asked for.
    _, made = model.apply(
        {"constants": constants}, blank, blank.tags, train=False, rngs={"params": key}, mutable=["params"]
    )
    if model.config.init == "glorot":
        return glorot_init(made["params"], key)
    return made["params"]


@cache
def _compiled_init() -> Callable[..., Params]:
    """Returns the program that draws parameters, which without optimisation compiles four times as fast."""
    options = {"xla_backend_optimization_level": 0, **compiler_options()}
    return jax.jit(_init_params, static_argnums=0, compiler_options=options)


def check_thresholds(decoding: DecodingConfig, vocabs: Vocabs) -> None:
    """Raises an InputError if there are thresholds for another number of relation types than the run has."""
    thresholds, types = decoding.relation_thresholds, vocabs.relation_types
    if thresholds and len(thresholds) != len(types):
        found, expected = f"{len(thresholds)} numbers", f"one for each of {', '.join(types)}, or none"
        raise InputError("config.decoding.relation_thresholds", None, found, expected)


def load_config(workdir: Path) -> Config:
    """Loads the config of a run.

    Raises:
      InputError: the directory contains no run, or this version cannot read the config.
    """
    path = workdir / "config.json"
    if not path.is_file():
        inside = ", ".join(sorted(each.parent.name for each in workdir.glob("*/config.json")))
        found = f"no config.json, but runs in {inside}" if inside else "no config.json"
        raise InputError(workdir, None, found, "the working directory of a training run")
    refuse_links_out(workdir)
    check_listed(workdir, path.name)
    return config_from_json(read_json(path), path)


def write_config(workdir: Path, config: Config) -> None:
    """Writes the config of a run."""
    write_files(workdir, {"config.json": json_bytes(workdir / "config.json", to_dict(config))})


def load_encoder_spec(workdir: Path) -> EncoderSpec | None:
    """Loads the description of the encoder whose features a run reads; None: the run reads no features.

    Raises:
      InputError: the file is damaged.
    """
    path = workdir / "encoder.json"
    check_listed(workdir, path.name)
    return parse_spec(read_json(path), path) if path.is_file() else None


def _load_vectors(workdir: Path, vocabs: Vocabs) -> Float[np.ndarray, "v e"]:
    """Loads the word vectors of a run.

    Raises:
      InputError: the file is missing or damaged, or has other numbers than a finite vector for each word.
    """
    path, expected = workdir / "word_vectors.npy", f"a vector for each of {vocabs.sizes.num_words} words"
    vectors = read_npy(path)
    if vectors.ndim != 2 or len(vectors) != vocabs.sizes.num_words or vectors.dtype != np.float32:
        raise InputError(path, None, f"{vectors.dtype} of shape {vectors.shape}", expected)
    if not np.isfinite(vectors).all():
        raise InputError(path, None, "a number that is not finite", expected)
    return vectors
