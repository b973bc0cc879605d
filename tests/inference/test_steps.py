"""The programs of prediction: one for training and extraction, with the same bits kept and traced."""

import dataclasses
from pathlib import Path

import jax
import numpy as np

from cman_jax.compilation import start_by_default
from cman_jax.data.bio import allowed_transitions
from cman_jax.inference.extractor import Extractor
from cman_jax.inference.steps import SystemStep, predict_step
from cman_jax.run.system import System
from cman_jax.training.loop import train
from tests.builders import SENTENCES, batch_of, compilations, random_extractor, tiny_config


def step_of(system: System, bio_constraints: bool) -> SystemStep:
    """Returns the steps of a system that forbids ill-formed tags, or allows them."""
    decoding = dataclasses.replace(system.config.decoding, bio_constraints=bio_constraints)
    return SystemStep(system._replace(config=dataclasses.replace(system.config, decoding=decoding)))


def test_one_kept_program_predicts_the_same_bits_as_traced_ones(kept_folder: Path) -> None:
    extractor = random_extractor()
    system, batch = extractor.system, batch_of(SENTENCES[:3])
    before = set(kept_folder.iterdir())
    for bio_constraints in (False, True):
        allowed = allowed_transitions(system.vocabs.tags) if bio_constraints else None
        traced = jax.jit(predict_step, static_argnums=0)
        expected = traced(system.model, extractor.params, system.constants, batch, allowed)
        found = step_of(system, bio_constraints)(extractor.params, batch)
        for array, wanted in zip(found, expected, strict=True):
            np.testing.assert_array_equal(array, wanted)
    assert len(set(kept_folder.iterdir()) - before) == 1


def test_extraction_needs_no_program_that_training_has_not_kept(tmp_path: Path, kept_folder: Path) -> None:
    start_by_default()  # as the commands do; settings of JAX tell kept programs apart
    train(tiny_config(), {"train": SENTENCES, "dev": SENTENCES}, tmp_path / "run")
    after_training = set(kept_folder.iterdir())
    with compilations("predict_step") as compiled:
        extractor = Extractor.load(tmp_path / "run")
        assert extractor.system.config.decoding.bio_constraints
        assert len(extractor.annotate(SENTENCES[:1])) == 1
    assert compiled == []
    assert set(kept_folder.iterdir()) == after_training
