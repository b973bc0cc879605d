"""Converts an annotated corpus of any format to the canonical form, or to another format.

    cman convert --data=brat_folder --out=data/mine
    cman convert --data=data/mine --to=doccano --out=for_doccano

Writes one file for each split of the corpus: train, dev and test, or all if its names say no split. With
--split=0.8,0.1,0.1 missing splits are drawn by document. Prints what was odd and what was done about it;
`cman validate` prints more about a corpus.
"""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from absl import flags

from cman_jax.app.corpus_flags import corpus_of_flags, describe_corpus
from cman_jax.data.corpus import describe_counts
from cman_jax.data.draw import parse_shares
from cman_jax.data.formats.registry import FORMATS
from cman_jax.data.split_files import WHOLE
from cman_jax.errors import InputError
from cman_jax.locking import WRITING, writing_in
from cman_jax.types import Sentence

_OUT = flags.DEFINE_string("out", None, "Folder to write to; its files must not exist yet.", required=True)
_TO = flags.DEFINE_enum(
    "to", "canonical", [name for name, form in FORMATS.items() if form.write], "Format to write."
)
_SPLIT = flags.DEFINE_string("split", None, "Shares of train, dev and test, to draw missing splits.")
_SEED = flags.DEFINE_integer("split_seed", 0, "Seed of the draw.", lower_bound=0)
_UNFINISHED = ".unfinished"
"""The name of the folder that contains the splits while they are written."""


def main(argv: Sequence[str]) -> None:
    """Converts as the flags say."""
    del argv
    corpus = corpus_of_flags(parse_shares(_SPLIT.value) if _SPLIT.value else None, _SEED.value)
    out = Path(_OUT.value)
    with writing_in(out):
        paths = _new_paths(out, corpus.splits)
        print(describe_corpus(corpus))
        _write(out, corpus.splits, paths)
        for split, sentences in corpus.splits.items():
            print(f"{paths[split]}: {describe_counts(sentences)}")


def _write(out: Path, splits: Mapping[str, Sequence[Sentence]], paths: Mapping[str, Path]) -> None:
    """Writes the splits, which appear in the folder when all of them are complete."""
    unfinished = out / _UNFINISHED
    shutil.rmtree(unfinished, ignore_errors=True)  # of a killed program
    try:
        for split, sentences in splits.items():
            FORMATS[_TO.value].write(unfinished / paths[split].relative_to(out), sentences)
        for each in sorted(unfinished.iterdir()):
            each.replace(out / each.name)
    except InputError as error:
        place = error.path.replace(str(unfinished), str(out))  # where a person looks for the split
        raise InputError(place, error.line, error.found, error.expected) from None
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _new_paths(out: Path, splits: Mapping[str, Sequence[Sentence]]) -> dict[str, Path]:
    """Returns a file or folder for each split, where nothing may be yet."""
    form = FORMATS[_TO.value]
    paths = {split: out / f"{split}{form.suffix}" for split in splits}
    if list(paths) == [WHOLE] and not form.suffix:
        paths[WHOLE] = out
    own = {WRITING, _UNFINISHED}
    for path in paths.values():
        is_link = path.is_symlink() and path != out
        if path.is_file() or is_link or (path.is_dir() and {each.name for each in path.iterdir()} - own):
            raise InputError(path, None, "results that exist already", "a new folder")
    return paths
