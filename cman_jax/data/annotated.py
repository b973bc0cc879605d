"""Annotated corpora of any format: files or folders in, the splits of a training run out."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from cman_jax.data.draw import draw_documents
from cman_jax.data.formats.oddities import Oddity, Reading
from cman_jax.data.formats.registry import FORMATS, recognise, size_of
from cman_jax.data.formats.standoff import DEFAULT_LAYOUT, Layout
from cman_jax.data.split_files import WHOLE, split_files
from cman_jax.data.stored import joined, repeated_id, subset
from cman_jax.errors import InputError
from cman_jax.files import show
from cman_jax.types import Sentence

LARGE = 64 * 2**20
"""The size of a split's files, in bytes, from which its sentences stay on disk.

In memory, sentences and their ids take about twelve times as much.
"""


class AnnotatedCorpus(NamedTuple):
    """The splits of a corpus, and what a person should know about how they were read.

    Attributes:
      splits: the sentences of each split.
      format: the name of the format.
      oddities: everything in the files that is odd but can be read.
      notes: how files became splits, one line each: files that were not read, splits that were drawn.
      drawn: whether sentences were drawn at random, so that the files alone do not say what each split is.
    """

    splits: dict[str, Sequence[Sentence]]
    format: str
    oddities: list[Oddity]
    notes: list[str]
    drawn: bool


def read_annotated(
    path: str | Path,
    format: str = "auto",
    layout: Layout = DEFAULT_LAYOUT,
    shares: tuple[float, float, float] | None = None,
    seed: int = 0,
) -> AnnotatedCorpus:
    """Returns the corpus of a file or folder.

    The names of files or folders decide which split they are. Without a name, everything is one split. With
    `shares`, missing splits are drawn by document: dev and test, or only dev if test is there. Sentences of
    `LARGE` files stay on disk, if their format allows it.

    Args:
      path: a file, a folder with a file or folder for each split, a folder of brat's files, or a dataset that
        TensorFlow Datasets has prepared.
      format: the name of a format; "auto": the files' beginnings decide.
      layout: how running text is divided into sentences and tokens.
      shares: the shares of train, dev and test, for a training; None: nothing is drawn.
      seed: the seed of the draw.

    Raises:
      InputError: nothing is there that can be read, a file is malformed, or, with `shares`, nothing is
        there to train on or a draw is not possible.
      OSError: a file cannot be read.
    """
    parts = read_readable(path, format, layout)
    readings, notes = parts.readings, parts.notes
    oddities = [oddity for reading in readings.values() for oddity in reading.oddities]
    drawn = shares is not None and "dev" not in readings
    if shares is not None and "train" not in readings and not (drawn and WHOLE in readings):
        raise InputError(path, None, f"only {', '.join(readings)}", "sentences to train on")
    if shares is None or not drawn:
        splits = {split: reading.sentences for split, reading in readings.items()}
    else:
        splits = _draw(readings, shares, seed, Path(path), notes)
    return AnnotatedCorpus(splits, min(parts.formats), oddities, notes, drawn)


class Parts(NamedTuple):
    """What the files of a corpus contain, before any split is drawn.

    Attributes:
      readings: the content of each split that can be read.
      errors: the first error of each file that cannot be read.
      notes: files that were not read, one line each.
      formats: the formats of the files.
    """

    readings: dict[str, Reading]
    errors: list[InputError | OSError]
    notes: list[str]
    formats: set[str]


def read_readable(path: str | Path, format: str = "auto", layout: Layout = DEFAULT_LAYOUT) -> Parts:
    """Reads every file of a corpus in one format; see `read_annotated`.

    Raises:
      InputError: nothing is there that can be read, a file is malformed, or the files have several formats.
      OSError: a file cannot be read.
    """
    parts = read_parts(path, format, layout)
    if parts.errors:
        raise parts.errors[0]
    if len(parts.formats) > 1:
        found = f"files of the formats {', '.join(sorted(parts.formats))}"
        raise InputError(path, None, found, "files of one format")
    return parts


def read_parts(path: str | Path, format: str = "auto", layout: Layout = DEFAULT_LAYOUT) -> Parts:
    """Reads every file of a corpus, also if another one is broken; see `read_annotated`.

    Raises:
      InputError: nothing is there that can be read.
    """
    if format not in ("auto", *FORMATS):
        raise InputError("format", None, show(format), f"auto or one of {', '.join(FORMATS)}")
    sources, notes = split_files(Path(path))
    parts = Parts({}, [], notes, set())
    for split, files in sources.items():
        readings, large = [], sum(map(size_of, files)) >= LARGE
        for file in files:
            try:
                name = recognise(file) if format == "auto" else format
                parts.formats.add(name)
                opened = FORMATS[name].open if large else None
                readings.append(opened(file) if opened else FORMATS[name].read(file, layout))
            except (InputError, OSError) as error:
                parts.errors.append(error)
        if readings:
            reading = _joined(readings, path, split)
            if reading.sentences:
                parts.readings[split] = reading
            else:
                found = f"no text with a token in {split}"
                parts.errors.append(InputError(path, None, found, "sentences"))
    return parts


def _joined(readings: list[Reading], path: str | Path, split: str) -> Reading:
    """Returns the readings of several files as one.

    Raises:
      InputError: two files have a sentence with the same id.
    """
    if len(readings) == 1:
        return readings[0]
    sentences = joined(reading.sentences for reading in readings)
    if repeat := repeated_id(sentences):
        found = f"sentence {show(sentences[repeat[0]].id)} in two files of {split}"
        raise InputError(path, None, found, "ids that occur once in a split")
    oddities = [oddity for reading in readings for oddity in reading.oddities]
    return Reading(sentences, oddities, [name for reading in readings for name in reading.documents])


def _draw(
    readings: Mapping[str, Reading],
    shares: tuple[float, float, float],
    seed: int,
    path: Path,
    notes: list[str],
) -> dict[str, Sequence[Sentence]]:
    """Returns the splits after drawing those that are missing from train, or from the whole corpus."""
    source = "train" if "train" in readings else WHOLE
    wanted = dict(zip(("train", "dev", "test"), shares, strict=True))
    if "test" in readings:
        wanted.pop("test")
    total = sum(wanted.values())
    documents = list(readings[source].documents)
    split_of = draw_documents(documents, {name: share / total for name, share in wanted.items()}, seed)
    if "dev" not in split_of.values():
        found = f"{len(split_of)} document{'s' if len(split_of) > 1 else ''} without a dev split"
        raise InputError(path, None, found, "a dev split, or documents enough to draw one from")
    places: dict[str, list[int]] = {name: [] for name in wanted if name in split_of.values()}
    for place, document in enumerate(documents):
        places[split_of[document]].append(place)
    splits = {name: subset(readings[source].sentences, each) for name, each in places.items()}
    if "test" in readings:
        splits["test"] = readings["test"].sentences
    counts = ", ".join(f"{name} {len(sentences)}" for name, sentences in splits.items())
    notes.append(f"drawn by document with seed {seed}: {counts} sentences")
    return splits
