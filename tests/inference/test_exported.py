"""An exported network annotates like the network, without the network's code; bad folders are refused."""

import dataclasses
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from cman_jax.config import Config
from cman_jax.errors import InputError
from cman_jax.inference.export import export_network
from cman_jax.inference.exported import MOST_TOKENS, Exported
from cman_jax.inference.extractor import Extractor
from cman_jax.inference.options import with_decoding
from cman_jax.run.calibration import Calibration, Platt
from cman_jax.run.constraints import write_constraints
from cman_jax.run.system import System
from cman_jax.types import Sentence
from tests.builders import SENTENCES, SMALL_DATA, SMALL_MODEL, changed, normal, quick_compilation, vocabs_of
from tests.fake_encoder import SPEC, FakeEncoder

MODELS = {
    "MLP": changed(SMALL_MODEL, sequence_layer="mlp", num_bsa=1),
    "LSTM": changed(SMALL_MODEL, num_bsa=1),
    "multihead": changed(
        SMALL_MODEL, network="multihead", self_attention=False, label_attention=False, crf="factored"
    ),
}
WORDS = [token for sentence in SENTENCES for token in sentence.tokens]


def sentence_of(length: int) -> Sentence:
    """Returns a sentence of so many known words."""
    return Sentence(f"of {length}", tuple(WORDS[i % len(WORDS)] for i in range(length)))


EVERY_SIZE = [
    *SENTENCES,
    *map(sentence_of, (8, 9, 16, 17, 24, 25, 33)),  # the buckets, and three sizes beyond the last one
    Sentence("long word", ("Ada", "of", "Llanfairpwllgwyngyllgogerychwyrndrobwll", ".")),
    Sentence("empty", ()),
]


CONSTRAINTS = {"Work_For": frozenset({("Peop", "Org")})}
CALIBRATION = Calibration(ner=Platt(0.5, 1.0), re=Platt(2.0, -0.25))


def extractor_of(name: str, bio_constraints: bool = False, encoder: FakeEncoder | None = None) -> Extractor:
    """Returns a network that compiles fast, with random parameters; with an encoder, word vectors too."""
    config = Config(model=MODELS[name], data=SMALL_DATA)
    config.training.batch_size, config.decoding.bio_constraints = 4, bio_constraints
    config.decoding.threshold = 0.0  # all pairs of entities, so that all their probabilities are compared
    vocabs, vectors, spec = vocabs_of(SENTENCES), None, None
    if encoder is not None:
        vocabs, spec = dataclasses.replace(vocabs, frozen_words=True), encoder.spec
        vectors = normal(0, vocabs.sizes.num_words, config.model.word_dim)
    system = System.build(config, vocabs, vectors, spec)
    shapes, tree = jax.tree.flatten(system.param_shapes())
    params = jax.tree.unflatten(tree, [normal(seed, *leaf.shape) for seed, leaf in enumerate(shapes)])
    return Extractor(system, params, 1, encoder)


@pytest.fixture(scope="module", autouse=True)
def compilation() -> Iterator[None]:
    with quick_compilation():
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("exported")
    export_network(extractor_of("MLP"), out)
    return out


@pytest.mark.parametrize(
    ("name", "bio"), [("MLP", False), ("MLP", True), ("LSTM", False), ("multihead", False)]
)
def test_it_annotates_sentences_of_every_size_like_the_network(name: str, bio: bool, tmp_path: Path) -> None:
    extractor = extractor_of(name, bio)
    if bio:
        write_constraints(tmp_path, CONSTRAINTS)
        options = {"constraints": str(tmp_path / "constraints.json")}
        extractor = Extractor(
            extractor.system._replace(config=with_decoding(extractor.system.config, options)),
            extractor.params,
            1,
        )
        extractor.calibration = CALIBRATION
    export_network(extractor, tmp_path / "out")
    sentences = EVERY_SIZE if (name, bio) == ("MLP", False) else EVERY_SIZE[2:8]
    expected, found = extractor.annotate(sentences), Exported.load(tmp_path / "out").annotate(sentences)
    assert sum(len(annotation.relations) for annotation in expected) > 10
    for there, here in zip(expected, found, strict=True):
        assert here.entities == there.entities
        assert here.relations == there.relations
        np.testing.assert_allclose(here.entity_prob, there.entity_prob, rtol=1e-3, atol=1e-7)
        np.testing.assert_allclose(here.relation_prob, there.relation_prob, rtol=1e-3, atol=1e-7)
        np.testing.assert_allclose(here.triple_prob, there.triple_prob, rtol=1e-3, atol=1e-7)


def test_it_reads_word_vectors_and_the_features_of_the_same_encoder_only(tmp_path: Path) -> None:
    extractor = extractor_of("MLP", encoder=FakeEncoder())
    export_network(extractor, tmp_path / "out")
    network = Exported.load(tmp_path / "out", encoder=FakeEncoder())
    expected, found = extractor.annotate(SENTENCES), network.annotate(SENTENCES)
    assert [annotation.entities for annotation in found] == [annotation.entities for annotation in expected]
    assert any(annotation.entities for annotation in expected)
    for there, here in zip(expected, found, strict=True):
        np.testing.assert_allclose(here.entity_prob, there.entity_prob, rtol=1e-3, atol=1e-7)
    with pytest.raises(
        InputError, match=r"model.json: found features by an encoder of digest 'd1', expected"
    ):
        Exported.load(tmp_path / "out", encoder=FakeEncoder(SPEC._replace(digest="d2")))
    with pytest.raises(InputError, match=r"^encoder: found 'fake', expected minilm or mpnet, or a folder"):
        Exported.load(tmp_path / "out")


def test_texts_give_records(folder: Path) -> None:
    network, text = Exported.load(folder), "Ada lived in London ."
    record = network(text)
    assert record == extractor_of("MLP")(text)
    assert network([text, ["Nobody", "came", "."]])[0] == record


def test_the_loader_runs_without_the_code_of_the_network(folder: Path) -> None:
    program = (
        "import sys\nfrom cman_jax.inference.exported import Exported\n"
        f"record = Exported.load({str(folder)!r})([['Ada', 'lived', 'in', 'London', '.']])[0]\n"
        "own = ('cman_jax.model', 'cman_jax.layers', 'flax', 'orbax')\n"
        "print(len(record['tokens']), [name for name in sys.modules if name.startswith(own)])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "5 []\n"


def test_a_sentence_that_is_too_long_is_named(folder: Path) -> None:
    with pytest.raises(InputError) as error:
        Exported.load(folder).annotate(sentence_of(MOST_TOKENS + 1))
    assert str(error.value) == "sentence 'of 513': found 513 tokens, expected at most 512 tokens"


def change(out: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    """Changes the description of an exported network."""
    about = json.loads((out / "model.json").read_text())
    edit(about)
    (out / "model.json").write_text(json.dumps(about))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda out: (out / "model.json").unlink(), "no model.json with a format, expected a folder of cman"),
        (
            lambda out: (out / "model.json").write_text('{"format": 2}'),
            "found format 2, expected a folder of",
        ),
        (
            lambda out: (out / "model.json").write_text('{"format": 1, "files": {}}'),
            "found no encoder, constraints, config, calibration, expected the file as it was exported",
        ),
        (
            lambda out: change(out, lambda about: about["config"]["model"].update(newer_field=1)),
            "model.json: found unknown config field model.newer_field, expected a config that",
        ),
        (
            lambda out: change(out, lambda about: about.update(calibration=[])),
            "model.json: found None as the calibration 'ner', expected a scale",
        ),
        (lambda out: (out / "arrays.npz").unlink(), "arrays.npz: found no such file"),
        (lambda out: (out / "predict.stablehlo").write_bytes(b"no"), "found a file that was changed"),
    ],
)
def test_a_folder_that_is_none_is_refused(
    damage: Callable[[Path], None], message: str, folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(folder, tmp_path / "out")
    damage(tmp_path / "out")
    with pytest.raises(InputError, match=message):
        Exported.load(tmp_path / "out")


def test_the_description_suffices_to_call_the_program_with_jax_alone(folder: Path) -> None:
    about = json.loads((folder / "model.json").read_text())
    program = jax.export.deserialize(bytearray((folder / "predict.stablehlo").read_bytes()))
    assert list(program.platforms) == about["platforms"] == ["cpu", "cuda", "tpu"]
    token = np.zeros((1, 3), np.int32)
    tables = [np.zeros((8, length), np.int32) for length in (*about["config"]["data"]["char_lengths"], 2)]
    with np.load(folder / "arrays.npz") as file:
        arrays = dict(file)
    inputs = {
        "arrays": arrays,
        "word_ids": token,
        "mask": np.ones((1, 3), bool),
        "char_ids": tuple(tables),
        "char_rows": token,
        "features": np.zeros((1, 0, 3, 0), np.float16),
    }
    assert list(inputs) == list(about["inputs"])
    outputs = dict(zip(about["outputs"], program.call(*inputs.values()), strict=True))
    assert outputs["tags"].shape == (1, 3)
    assert outputs["edge_prob"].shape[-1] == len(about["tags"])
    np.testing.assert_allclose(outputs["initial_prob"].sum(-1), 1.0, rtol=1e-5)
