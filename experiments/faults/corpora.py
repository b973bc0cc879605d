"""Damaged files of annotations, in every format of corpora.

A damaged file has only two valid outcomes. If it is read, every annotation of the file is in a sentence or
among the oddities, and every word is in a sentence, by an independent count. If it is refused, the error
names a file, and the line or the whole file.
"""

import random
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from cman_jax.data.bio import spans_to_tags
from cman_jax.data.formats.oddities import Reading
from cman_jax.data.formats.registry import FORMATS
from cman_jax.data.formats.standoff import Layout
from cman_jax.errors import InputError
from cman_jax.types import Sentence
from data_prep.generated.corpus import generate_splits
from experiments.faults.damage import damage
from experiments.faults.format_counts import count_annotations, found_by_reader, words
from experiments.faults.format_samples import SAMPLES
from experiments.faults.row import Row, demand, refused

AS_WRITTEN = Layout(sentences="line", tokens="spaces")
"""The layout of texts whose tokens were joined by spaces, a sentence a line."""

_SENTENCES = 36
_LONGEST_ERROR = 700


class Corpus(NamedTuple):
    """The files of a corpus, undamaged.

    Attributes:
      form: the name of the format.
      files: the content of each file by its name; a single file is read by itself, several as a folder.
      sentences: the content, by the reader of the format.
    """

    form: str
    files: Mapping[str, bytes]
    sentences: Sequence[Sentence]


def prepare(folder: Path) -> list[Corpus]:
    """Returns two corpora of each format: a small sample, and generated sentences."""
    generated = generate_splits({"train": _SENTENCES, "dev": 1, "test": 1})["train"]
    corpora = []
    for form, sample in SAMPLES.items():
        samples = {name: content.encode() for name, content in sample.files.items()}
        for number, files in enumerate((samples, _written(folder / f"{form}_written", form, generated))):
            reading = _read(_write(folder / f"{form}_{number}", files), form)
            corpora.append(Corpus(form, files, reading.sentences))
    return corpora


def attempt(corpora: Sequence[Corpus], folder: Path, rng: random.Random) -> str:
    """Damages a file of a corpus once or several times, reads the corpus, and checks the outcome."""
    corpus = rng.choice(corpora)
    name = rng.choice(list(corpus.files))
    content = corpus.files[name]
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        content = damage(content, rng)
    return check(corpus, {**corpus.files, name: content}, folder)


def check(corpus: Corpus, files: Mapping[str, bytes], folder: Path) -> str:
    """Reads the files of a damaged corpus and returns the outcome.

    Args:
      corpus: the undamaged corpus.
      files: the damaged files.
      folder: the folder to write the files to.

    Raises:
      Broken: an annotation or a word is lost, or an error does not name its place.
    """
    path = _write(folder, files)
    try:
        reading = _read(path, corpus.form)
    except InputError as error:
        _check_place(error, folder, max(content.count(b"\n") for content in files.values()) + 1)
        return f"{refused(error)} with the place of the damage"
    stated, found = count_annotations(corpus.form, files), found_by_reader(reading)
    demand(found == stated, f"{found} annotations of {stated} in {corpus.form}")
    there = [token for sentence in reading.sentences for token in sentence.tokens]
    demand(there == words(corpus.form, files), f"other tokens than in the file of {corpus.form}")
    ids = Counter(sentence.id for sentence in reading.sentences)
    demand(max(ids.values()) == 1, f"an id twice in {corpus.form}")
    return "read as before" if reading.sentences == corpus.sentences else "read without a loss"


def _check_place(error: InputError, folder: Path, num_lines: int) -> None:
    """Raises a Broken unless the error names a file of the folder, and a line that it has or none."""
    named = re.fullmatch(re.escape(str(folder)) + r"[^:\n]*(:\d+)?: found .+, expected .+", str(error))
    demand(named is not None, f"an error without its place: {error}")
    demand(len(str(error)) < _LONGEST_ERROR, f"a long error: {error}")
    demand(error.line is None or 1 <= error.line <= num_lines, f"a line behind the end: {error}")


def _read(path: Path, form: str) -> Reading:
    """Returns the content of a corpus."""
    return FORMATS[form].read(path, AS_WRITTEN)


def _write(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Writes files, and returns the path that their reader is called with."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder if len(files) > 1 else folder / next(iter(files))


def _written(folder: Path, form: str, sentences: Sequence[Sentence]) -> dict[str, bytes]:
    """Returns the files of sentences in a format, as this library writes them."""
    write = FORMATS[form].write
    if write is None:
        return {"columns.txt": "".join(map(_columns, sentences)).encode()}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"corpus{FORMATS[form].suffix}"
    write(path, sentences)
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return {file.name: file.read_bytes() for file in files}


def _columns(sentence: Sentence) -> str:
    """Returns a sentence in the columns of Bekoulis, which this library only reads."""
    links: list[list[tuple[str, int]]] = [[] for _ in sentence.tokens]
    for relation in sentence.relations:
        subject, object_ = sentence.entities[relation.subject], sentence.entities[relation.object]
        links[subject.end - 1].append((relation.type, object_.end - 1))
    tags = spans_to_tags(len(sentence.tokens), sentence.entities)
    lines = [f"#doc {sentence.id}\n"]
    for number, (token, tag, found) in enumerate(zip(sentence.tokens, tags, links, strict=True)):
        types, ends = zip(*(found or [("N", number)]), strict=True)
        lines.append(f"{number}\t{token}\t{tag}\t{list(types)}\t{list(ends)}\n")
    return "".join(lines)


ROWS = (
    Row(
        "corpora",
        "mutated corpus files, every format",
        10_000,
        "0 tracebacks, 0 hangs over 5 s, 0 silent losses",
        prepare,
        attempt,
        seconds=5.0,
    ),
)
