"""What all builders share: the features, and a build that loses nothing, whoever else builds or is killed.

A build differs from that of TFDS in these points:

  - Sentences keep their order, so that a network trains on the same batches as from the corpus's own files.
  - Only array_record is written: TFDS' `parquet` loses rows, and `tfrecord` needs TensorFlow.
  - One process at a time builds the datasets of a name; the others wait, then find the dataset.
  - The dataset appears once each sentence has been read back and is equal to that of the source. A dataset
    that exists already is compared with its source too.
  - What a killed build has left behind is removed by the next build.
"""

import contextlib
import io
import itertools
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import numpy as np

from cman_jax.data.corpus import to_json
from cman_jax.data.formats.oddities import Oddity, Reading
from cman_jax.data.formats.records import Item
from cman_jax.data.formats.tfds import iterate_split, library
from cman_jax.data.formats.tfds_folders import FILE_FORMAT
from cman_jax.errors import InputError
from cman_jax.files import show
from cman_jax.locking import locked
from cman_jax.run.provenance import split_digest

tfds = library("data_prep.tfds")


class About(NamedTuple):
    """What a dataset says about itself.

    Attributes:
      description: what it is.
      citation: whom to cite, in BibTeX; may be empty.
      homepage: an address; may be empty.
      licence: what is known about the licence of the data.
    """

    description: str
    citation: str
    homepage: str
    licence: str


class Content(NamedTuple):
    """The content of a dataset.

    Attributes:
      splits: the sentences of each split, which can be iterated more than once.
      files: the SHA-256 of the source's files, as far as their publisher fixed it.
      oddities: everything in the source that is odd but can be read.
      notes: which files became which split, as far as that is not plain.
    """

    splits: Mapping[str, Iterable[Item]]
    files: Mapping[str, str] = {}
    oddities: Iterable[Oddity] = ()
    notes: Iterable[str] = ()


def items_of(reading: Reading) -> list[Item]:
    """Returns the sentences that a reader has returned, each with its document."""
    return [Item(*pair) for pair in zip(reading.sentences, reading.documents, strict=True)]


class _Info(tfds.core.DatasetInfo):
    """A description that is not looked up on Google's servers; TFDS leaves an empty folder for each look."""

    def initialize_from_bucket(self) -> None:
        """Does nothing."""


class CorpusBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """A builder of a dataset of annotated sentences.

    `DownloadConfig(manual_dir=FOLDER)` names the folder of the source. Subclasses define `about` and `read`.
    """

    VERSION = tfds.core.Version("1.0.0")
    needs_source = True
    content: Content | None = None

    def about(self) -> About:
        """Returns what the dataset says about itself."""
        raise NotImplementedError

    def read(self, source: Path | None) -> Content:
        """Returns the content of the dataset.

        Args:
          source: the folder of the source; None for a builder without `needs_source`.

        Raises:
          InputError: the source is not what it should be.
        """
        raise NotImplementedError

    def _info(self) -> Any:
        text, number = tfds.features.Text(), np.int32
        about = self.about()
        features = {
            "id": text,
            "document": text,
            "tokens": tfds.features.Sequence(text),
            "entities": tfds.features.Sequence({"start": number, "end": number, "type": text}),
            "relations": tfds.features.Sequence({"subject": number, "object": number, "type": text}),
        }
        return _Info(
            builder=self,
            description=about.description,
            features=tfds.features.FeaturesDict(features),
            homepage=about.homepage,
            citation=about.citation,
            license=about.licence,
            disable_shuffling=True,
            metadata=tfds.core.MetadataDict(),
        )

    def prepare(self, source: Path | None) -> None:
        """Builds the dataset from a folder, without any output; see `download_and_prepare`."""
        tfds.disable_progress_bar()
        with contextlib.redirect_stdout(io.StringIO()):  # TFDS prints two lines
            self.download_and_prepare(download_config=tfds.download.DownloadConfig(manual_dir=source))

    def download_and_prepare(
        self, *, download_config: Any = None, file_format: Any = FILE_FORMAT, **options: Any
    ) -> None:
        """Builds the dataset, or compares the dataset that exists with its source.

        Without a source, a dataset that exists is taken as it is.

        Args:
          download_config: a `tfds.download.DownloadConfig`, whose `manual_dir` is the folder of the source.
          file_format: "array_record".
          **options: further arguments of TFDS.

        Raises:
          InputError: the source is missing or malformed, or the dataset has other sentences than the source.
        """
        config = download_config or tfds.download.DownloadConfig()
        source = Path(config.manual_dir) if config.manual_dir else None
        if getattr(file_format, "value", file_format) != FILE_FORMAT:
            raise InputError(self.info.full_name, None, f"file_format={file_format!r}", repr(FILE_FORMAT))
        if self.needs_source and source is None:
            if not self.data_path.exists():
                raise InputError(
                    self.info.full_name, None, "no source", "a manual_dir, the folder of its files"
                )
            return
        self.content = self.read(source)
        with locked(Path(self.data_dir_root) / f".{self.name}.lock"), _in_memory():
            _remove_remains(Path(self.data_path))
            existed = self.data_path.exists()
            super().download_and_prepare(download_config=config, file_format=file_format, **options)
        if existed:
            self.info.read_from_directory(self.data_path)
            self._compare(Path(self.data_path), "remove the folder, or choose another one, and build again")

    def _split_generators(self, dl_manager: Any) -> Mapping[str, Any]:
        del dl_manager  # nothing is downloaded
        return {split: self._generate_examples(items) for split, items in self.content.splits.items()}

    def _generate_examples(self, items: Iterable[Item]) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yields the sentences with their numbers as keys: TFDS sorts by key, and would not see equal ids."""
        seen: set[str] = set()
        for number, (sentence, document) in enumerate(items):
            if sentence.id in seen:
                found = f"the id {show(sentence.id)} twice"
                raise InputError(self.info.full_name, None, found, "ids that occur once in a split")
            seen.add(sentence.id)
            yield number, {**to_json(sentence), "document": document}

    def _download_and_prepare(self, dl_manager: Any, download_config: Any) -> None:
        """Builds the dataset in a temporary folder, and checks it there."""
        super()._download_and_prepare(dl_manager, download_config)
        digests = {
            split: split_digest(sentence for sentence, _ in items)
            for split, items in self.content.splits.items()
        }
        self.info.metadata.update(files=dict(self.content.files), splits=digests)
        self.info.write_to_directory(self.data_dir)
        self._compare(Path(self.data_dir), "another version of tensorflow-datasets, which loses nothing")

    def _compare(self, folder: Path, what_to_do: str) -> None:
        """Raises an InputError if a prepared dataset and the source have different sentences."""
        if self.info.splits.keys() != self.content.splits.keys():
            found, expected = (", ".join(splits) for splits in (self.info.splits, self.content.splits))
            raise InputError(
                folder, None, f"the splits {found}", f"{expected} as in the source: {what_to_do}"
            )
        for split, items in self.content.splits.items():
            path = folder / split
            for number, (ours, theirs) in enumerate(itertools.zip_longest(items, iterate_split(path)), 1):
                if ours != theirs:
                    name = show((ours or theirs).sentence.id)
                    found = (
                        f"sentence {number} (id {name} in the {'source' if ours else 'dataset'}) to differ"
                    )
                    raise InputError(path, None, found, f"the sentences of the source: {what_to_do}")


@contextlib.contextmanager
def _in_memory() -> Iterator[None]:
    """Keeps a split in memory until it is written: above 1 GB, TFDS would sort it with TensorFlow's files."""
    with mock.patch("tensorflow_datasets.core.shuffle.MAX_MEM_BUFFER_SIZE", sys.maxsize):
        yield


def _remove_remains(folder: Path) -> None:
    """Removes the temporary folders of builds that were killed; the caller has the lock."""
    for remains in folder.parent.glob(f"incomplete.*_{folder.name}"):
        shutil.rmtree(remains)
