"""False alarms of a finished run on sentences without relations."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cman_jax.encoders.encoder import Encoder
from cman_jax.evaluation.negatives import Alarms, count_alarms
from cman_jax.inference.extractor import Extractor
from cman_jax.run.entries import entry_of
from cman_jax.run.installed import NOT_KEPT, is_packaged
from cman_jax.run.manifest import read_updated_json, update_json
from cman_jax.types import Sentence


def report_negatives(
    workdir: Path, name: str, sentences: Sequence[Sentence], encoder: Encoder | None = None, **decoding: Any
) -> Alarms:
    """Prints the share of sentences with a triple, and stores it in negatives.json under their name.

    The entry of other sentences of the same name gets a longer name. Nothing is stored in an installed model.

    Args:
      workdir: the working directory of the run.
      name: the name of the sentences' file.
      sentences: the sentences, without relations.
      encoder, decoding: as for `Extractor.as_configured`.

    Raises:
      InputError: as `Extractor.as_configured`.
    """
    extractor = Extractor.as_configured(workdir, encoder=encoder, **decoding)
    alarms = count_alarms(extractor.annotate(sentences))
    entry = entry_of(workdir, name, sentences, extractor.system.config.decoding, extractor.epoch)
    name, data, kept = entry.name, entry.about["data"], read_updated_json(workdir / "negatives.json")
    if name in kept and kept[name].get("data") != data:  # those of other sentences
        name = f"{name}_data_{data[:8]}"
    print(
        f"\n{name}, epoch {extractor.epoch}: {alarms.share:.2f} % of {alarms.sentences} sentences "
        f"without relations have a triple ({alarms.with_triple} sentences, {alarms.triples} triples)",
        flush=True,
    )
    if is_packaged(workdir):
        print(NOT_KEPT, flush=True)
    else:
        update_json(
            workdir / "negatives.json",
            {name: {**entry.about, **alarms._asdict(), "share": alarms.share}},
        )
    return alarms
