"""The kinds of model files of strangers: how a small one is made, and what is read from it."""

import gzip
import importlib
import sys
import tracemalloc
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cman_jax.config import Config, to_dict
from cman_jax.data.vocab import Vocabs
from cman_jax.data.word_vectors import read_word_vectors
from cman_jax.encoders.encoder import Encoder
from cman_jax.encoders.load import load_encoder
from cman_jax.encoders.store.allennlp import AllenNLPFeatures
from cman_jax.encoders.store.cache import FeatureCache, FeatureWriter
from cman_jax.encoders.store.source import to_float16
from cman_jax.files import json_text, write_json
from cman_jax.run.installed import GROUP, MANIFEST, digests, run_folder
from cman_jax.run.manifest import FILE
from cman_jax.run.system import System
from cman_jax.types import EncoderSpec, Sentence
from experiments.faults import tiny_elmo, tiny_minilm
from experiments.faults.random_arrays import normal

Content = dict[str, Any]
"""What was read from files: arrays and other values by name."""

SENTENCES = (("ann", "left", "."), ("a", "b-c", "d"), ("x",))
_WORDS = ("ann", "left", ".", "bob", "x", "a.b", "of")
_SPEC = EncoderSpec("fake", 2, 3, "d1", 1)
_PACKAGE = "stranger"


class Kind(NamedTuple):
    """A kind of model files.

    Attributes:
      name: its name.
      write: writes the files into a folder.
      read: reads the files of a folder.
      checked: whether a checksum protects the content, so that no damage may change what is read.
      linked: whether the files are a folder, out of which no link may lead.
    """

    name: str
    write: Callable[[Path], None]
    read: Callable[[Path], Content]
    checked: bool = False
    linked: bool = False


def _features(encoder: Encoder) -> Content:
    """Returns what a network would read of an encoder."""
    found = encoder.encode(SENTENCES)
    halves = [to_float16(each, tokens) for each, tokens in zip(found, SENTENCES, strict=True)]
    return {str(number): half for number, half in enumerate(halves)}


def _read_encoder(folder: Path) -> Content:
    """Reads an encoder and encodes sentences; only the reading is measured."""
    encoder = load_encoder(folder)
    Peak.end()
    return _features(encoder)


def _write_bert(folder: Path) -> None:
    """Writes an encoder of BERT's family."""
    tiny_minilm.write(folder)


def _write_elmo(folder: Path) -> None:
    """Writes an ELMo."""
    tiny_elmo.write(folder, tiny_elmo.options())


def _write_run(folder: Path) -> None:
    """Writes what `System.load` reads, with a manifest."""
    config = Config()
    for name in ("char_dim", "char_lstm_dim", "word_dim", "lstm_dim", "scorer_dim"):
        setattr(config.model, name, 8)
    vocabs = Vocabs(_WORDS, tuple("abcdefgx."), ("Loc", "Peop"), ("Live_In",), False, True)
    System.build(config, vocabs, normal(1, len(_WORDS) + 1, 8), _SPEC).save(folder)


def _write_bare_run(folder: Path) -> None:
    """Writes what `System.load` reads, as before there were manifests."""
    _write_run(folder)
    (folder / FILE).unlink()


def _read_run(folder: Path) -> Content:
    """Reads everything of a run except its parameters."""
    system = System.load(folder)
    vectors = {"vectors": np.asarray(system.constants["word"]["vectors"])} if system.constants else {}
    return {"config": to_dict(system.config), "vocabs": system.vocabs, "spec": system.encoder, **vectors}


def _write_package(folder: Path) -> None:
    """Writes an installed model: the package and its entry point."""
    package, about = folder / _PACKAGE, folder / f"{_PACKAGE}-1.dist-info"
    _write_bare_run(package)
    write_json(package / MANIFEST, {"files": digests(package, sorted(p.name for p in package.iterdir()))})
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {_PACKAGE}\nVersion: 1\n")
    (about / "entry_points.txt").write_text(f"[{GROUP}]\n{_PACKAGE} = {_PACKAGE}\n")


def _read_package(folder: Path) -> Content:
    """Reads an installed model by its name."""
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        return _read_run(run_folder(_PACKAGE))
    finally:
        sys.path.remove(str(folder))
        sys.path_importer_cache.pop(str(folder), None)


def _write_cache(folder: Path) -> None:
    """Writes a cache of features."""
    with FeatureWriter(folder, _SPEC) as writer:
        for number, tokens in enumerate(SENTENCES):
            writer.append([Sentence(str(number), tokens)], [normal(number, 2, len(tokens), 3)])


def _read_cache(folder: Path) -> Content:
    """Reads a cache of features completely."""
    cache = FeatureCache.open(folder)
    cache.verify()
    return _features(cache)


def _write_allennlp(folder: Path) -> None:
    """Writes features as AllenNLP does."""
    import h5py

    with h5py.File(folder / "features.hdf5", "w") as file:
        for number, tokens in enumerate(SENTENCES):
            file[str(number)] = normal(number, 2, len(tokens), 3)
        numbers = json_text({" ".join(tokens): str(number) for number, tokens in enumerate(SENTENCES)})
        file.create_dataset("sentence_to_index", (1,), h5py.string_dtype("utf-8"))[0] = numbers


def _read_allennlp(folder: Path) -> Content:
    """Reads features that AllenNLP wrote."""
    store = AllenNLPFeatures(folder / "features.hdf5")
    store.check([Sentence(str(number), tokens) for number, tokens in enumerate(SENTENCES)])
    return _features(store)


def _vectors(name: str) -> Kind:
    """Returns the kind of a file of word vectors."""

    def write(folder: Path) -> None:
        matrix, head = normal(3, len(_WORDS), 4), f"{len(_WORDS)} 4\n".encode()
        lines = [f"{word} {' '.join(map(str, row))}\n" for word, row in zip(_WORDS, matrix, strict=True)]
        pairs = zip(_WORDS, matrix, strict=True)
        content = {
            "glove.txt": "".join(lines).encode(),
            "word2vec.txt": head + "".join(lines).encode(),
            "zipped.gz": gzip.compress(head + "".join(lines).encode(), mtime=0),
            "word2vec.bin": head + b"".join(word.encode() + b" " + row.tobytes() for word, row in pairs),
        }[name]
        (folder / name).write_bytes(content)

    def read(folder: Path) -> Content:
        found = read_word_vectors(folder / name, {"x"}, 4)
        return {"words": found.words, "vectors": found.matrix, "unknown": found.unknown}

    return Kind(name, write, read)


KINDS = (
    Kind("an encoder of BERT's family", _write_bert, _read_encoder, linked=True),
    Kind("an ELMo", _write_elmo, _read_encoder, linked=True),
    Kind("a run with a manifest", _write_run, _read_run, checked=True, linked=True),
    Kind("a run without a manifest", _write_bare_run, _read_run, linked=True),
    Kind("an installed model", _write_package, _read_package, checked=True),
    Kind("a cache of features", _write_cache, _read_cache, checked=True),
    Kind("features by AllenNLP", _write_allennlp, _read_allennlp),
    *map(_vectors, ("glove.txt", "word2vec.txt", "zipped.gz", "word2vec.bin")),
)


class Peak:
    """The measurement of the memory that Python and NumPy allocate, as a context manager.

    Memory of compiled libraries, such as that of the tokeniser, is not measured.

    Attributes:
      bytes: the peak, of the last measurement.
    """

    bytes = 0

    def __enter__(self) -> None:
        Peak.bytes = 0
        tracemalloc.start()

    def __exit__(self, *error: object) -> None:
        self.end()

    @staticmethod
    def end() -> None:
        """Ends the measurement, unless it has ended already."""
        if tracemalloc.is_tracing():
            Peak.bytes = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()


def differing(found: Mapping[str, Any], expected: Mapping[str, Any]) -> str:
    """Returns what differs between two contents: nothing, "numbers", or "content"."""
    kinds = set()
    for name in found.keys() | expected.keys():
        one, other = found.get(name), expected.get(name)
        if isinstance(one, np.ndarray) and isinstance(other, np.ndarray) and one.shape == other.shape:
            if not np.array_equal(one, other):
                kinds.add("numbers")
        elif isinstance(one, np.ndarray) or isinstance(other, np.ndarray) or one != other:
            kinds.add("content")
    return "content" if "content" in kinds else "numbers" if kinds else ""
