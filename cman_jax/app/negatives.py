"""False alarms of a finished run on sentences without relations."""

from pathlib import Path
from typing import Any

from cman_jax.data.text import parse_documents
from cman_jax.encoders.encoder import Encoder
from cman_jax.errors import InputError
from cman_jax.evaluation.negatives import Alarms, count_alarms
from cman_jax.inference.extractor import Extractor
from cman_jax.run.entries import entry_of
from cman_jax.run.lock import update_json


def report_negatives(workdir: Path, path: Path, encoder: Encoder | None = None, **decoding: Any) -> Alarms:
    """Prints the share of sentences with a triple, and stores it in negatives.json under the file's name.

    Args:
      workdir: the working directory of the run.
      path: sentences without relations, one per line, as raw text or JSON; empty lines do not count.
      encoder, decoding: as for `Extractor.as_configured`.

    Raises:
      InputError: the file is missing, contains no sentence, or is damaged.
    """
    if not path.is_file():
        raise InputError(path, None, "no such file", "sentences without relations, one per line")
    with path.open("rb") as lines:
        sentences = [document.sentence for document in parse_documents(lines, str(path), "auto", "line")]
    sentences = [sentence for sentence in sentences if sentence.tokens]
    if not sentences:
        raise InputError(path, None, "no sentence", "sentences without relations, one per line")
    extractor = Extractor.as_configured(workdir, encoder=encoder, **decoding)
    alarms = count_alarms(extractor.annotate(sentences))
    entry = entry_of(workdir, path.stem, sentences, extractor.system.config.decoding, extractor.epoch)
    print(
        f"\n{entry.name}, epoch {extractor.epoch}: {alarms.share:.2f} % of {alarms.sentences} sentences "
        f"without relations have a triple ({alarms.with_triple} sentences, {alarms.triples} triples)",
        flush=True,
    )
    update_json(
        workdir / "negatives.json",
        {entry.name: {**entry.about, **alarms._asdict(), "share": alarms.share}},
    )
    return alarms
