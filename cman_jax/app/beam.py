"""Extraction by Apache Beam: texts in, records out, and beside them the texts that failed.

    import apache_beam as beam
    from cman_jax.app.beam import Extract

    with beam.Pipeline() as pipeline:
        found = pipeline | beam.Create(["Jane Roe works for Acme in Boston."]) | Extract("runs/conll04")
        found.records | beam.Map(print)

`ExtractorHandler` serves pipelines that call `RunInference` themselves. The extra `beam` is needed where a
pipeline is made and on every worker. Source: beam.apache.org/documentation/ml.
"""

import hashlib
import itertools
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cman_jax.compilation import start
from cman_jax.data.text import Document, Sentences, documents_of
from cman_jax.errors import InputError, missing_extra, on_one_line
from cman_jax.files import json_text
from cman_jax.inference.chunks import CHUNK
from cman_jax.inference.extractor import Extractor
from cman_jax.inference.record import Record
from cman_jax.types import is_unicode

try:
    import apache_beam as beam
    from apache_beam.metrics import Metrics
    from apache_beam.ml.inference.base import ModelHandler, RunInference
except ImportError as error:
    raise missing_extra("Apache Beam", f"no {error.name}", "beam") from None

NAMESPACE = "cman_jax"
"""The namespace of the counters `records` and `failures`, and of Beam's measurements of the network."""

_SENTENCE = 150  # characters, about
_NETWORK = threading.Lock()  # a worker's threads share the device, and the network's programs fill it


class Answer(NamedTuple):
    """What was extracted from one element.

    Attributes:
      element: the text as it was given.
      records: the records of its sentences; empty if it failed.
      reason: why the element failed; empty if it did not.
    """

    element: Any
    records: list[Record]
    reason: str = ""


class ExtractorHandler(ModelHandler[Any, Answer, Extractor]):
    """A trained network as Beam's `RunInference` uses it; an element's prediction is an `Answer`.

    An element is a text (`str`), a list of tokens, a dictionary with `text` or `tokens` and optionally `id`,
    or a `Document`. An element without an id gets a digest of its contents for one. Each process loads the
    network once. Elements are read in groups of about 1,024 sentences, which are batched by length.

    Args:
      workdir: the working directory of a training run that every worker can read, or the name of an
        installed model.
      sentences: whether a text is divided into sentences ("split"), or is one sentence ("line").
      compilation_cache: the worker's folder for compiled programs; empty: no folder; None: the default.
      **options: further arguments of `Extractor.load`.
    """

    def __init__(
        self,
        workdir: str | Path,
        *,
        sentences: Sentences = "split",
        compilation_cache: str | None = None,
        **options: Any,
    ):
        super().__init__(min_batch_size=CHUNK, max_batch_size=CHUNK, element_size_fn=_num_sentences)
        self._workdir, self._options = str(workdir), options
        self._sentences, self._cache = sentences, compilation_cache

    def get_metrics_namespace(self) -> str:
        """Returns the namespace of Beam's measurements."""
        return NAMESPACE

    def load_model(self) -> Extractor:
        """Returns the extractor, which Beam shares between the threads of a process.

        Raises:
          InputError: as `Extractor.load`.
        """
        if self._cache is not None:
            start(Path(self._cache) if self._cache else None)
        return Extractor.load(self._workdir, **self._options)

    def run_inference(
        self, batch: Sequence[Any], model: Extractor, inference_args: dict[str, Any] | None = None
    ) -> list[Answer]:
        """Returns one answer per element. An element that fails does not fail the others.

        Raises:
          TypeError: there are arguments; the options of extraction belong to the handler.
        """
        if inference_args:
            raise TypeError(f"found inference_args {inference_args}; give options to ExtractorHandler")
        read = [(element, _read(element, self._sentences)) for element in batch]
        with _NETWORK:
            return _answers(model, read)


class Extract(beam.PTransform):
    """From a collection of texts to the collections `records` and `failures`.

    A record is the dictionary that `cman extract` writes, one for each sentence. A failure is a dictionary
    with the `reason` and the `element`, ready for JSON.

    Args:
      workdir: as for `ExtractorHandler`.
      **options: as for `ExtractorHandler`.
    """

    def __init__(self, workdir: str | Path, **options: Any):
        super().__init__()
        self._handler = ExtractorHandler(workdir, **options)

    def expand(self, texts: beam.PCollection) -> Any:  # Beam warns of any other type
        """Returns both collections, as the attributes `records` and `failures`."""
        answers = texts | RunInference(self._handler)
        return answers | beam.FlatMap(_divide).with_outputs("failures", main="records")


def failure(element: Any, reason: str) -> beam.pvalue.TaggedOutput:
    """Counts a text that failed, and returns it for the output `failures`."""
    Metrics.counter(NAMESPACE, "failures").inc()
    return beam.pvalue.TaggedOutput("failures", {"reason": reason, "element": _for_json(element)})


def reason_of(error: Exception) -> str:
    """Returns an error as one line; its type comes first if it is not about the text."""
    return on_one_line(str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}")


def _divide(answer: Answer) -> Iterator[Any]:
    """Yields the records of an answer and counts them, or yields its failure."""
    if answer.reason:
        yield failure(answer.element, answer.reason)
    Metrics.counter(NAMESPACE, "records").inc(len(answer.records))
    yield from answer.records


def _num_sentences(element: Any) -> int:
    """Returns about how many sentences an element contains."""
    text = element.get("text") if isinstance(element, dict) else element
    return 1 + (len(text) // _SENTENCE if isinstance(text, str) else 0)


def _read(element: Any, sentences: Sentences) -> list[Document] | str:
    """Returns the sentences of an element, or the reason why it has none."""
    try:
        if isinstance(element, Document):
            return [element]
        if isinstance(element, str):
            element = {"text": element}
        elif isinstance(element, list | tuple):
            element = {"tokens": list(element)}
        if isinstance(element, dict):
            name = element["id"] if "id" in element else _digest(element)
            return list(documents_of({**element, "id": name}, f"text {name}", None, sentences))
        return list(documents_of(element, "element", None, sentences))
    except Exception as error:
        return reason_of(error)


def _answers(extractor: Extractor, read: Sequence[tuple[Any, list[Document] | str]]) -> list[Answer]:
    """Returns the answers to elements that have been read; halves those that fail together."""
    documents = [document for _, found in read if not isinstance(found, str) for document in found]
    try:
        records = extractor.records(documents)
        return [
            Answer(element, [], found)
            if isinstance(found, str)
            else Answer(element, list(itertools.islice(records, len(found))))
            for element, found in read
        ]
    except Exception as error:
        if len(read) == 1:
            return [Answer(read[0][0], [], reason_of(error))]
    half = len(read) // 2
    return _answers(extractor, read[:half]) + _answers(extractor, read[half:])


def _digest(element: dict[str, Any]) -> str:
    """Returns a short digest of an element, which is the same on every worker."""
    return hashlib.sha256(json_text(element, sort_keys=True).encode()).hexdigest()[:16]


def _for_json(element: Any) -> Any:
    """Returns an element, or its `repr` if JSON in UTF-8 cannot express it."""
    if isinstance(element, Document):
        element = {"id": element.sentence.id, "text": element.text}
    try:
        whole = is_unicode(json_text(element, ensure_ascii=False))
    except (TypeError, ValueError):
        return repr(element)
    return element if whole else repr(element)
