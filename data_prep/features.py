"""Encodes a corpus with a pretrained encoder and keeps the features of all its layers in a cache.

    python -m data_prep.features --encoder=elmo_folder --data=data/conll04 --out=data/features/elmo
    python -m data_prep.features --encoder=minilm --data=data/conll04 --out=data/features/minilm

Killed at any moment and started again it continues, and ends with the same bytes. Given another corpus (or
another fold) it adds those sentences that are not there yet. See cman_jax/encoders/store/cache.py.
"""

import itertools
from collections.abc import Sequence

from absl import flags

from cman_jax.app.program import run_main
from cman_jax.data.corpus import load_splits
from cman_jax.encoders.load import load_encoder
from cman_jax.encoders.store.fill import add_features
from cman_jax.memory import TO_PREDICT, read_limits, refuse_too_little


def _main(argv: Sequence[str]) -> None:
    del argv
    refuse_too_little(read_limits(), TO_PREDICT)
    given = flags.FLAGS
    sentences = list(itertools.chain.from_iterable(load_splits(given.data).values()))
    print(add_features(load_encoder(given.encoder), sentences, given.out))


if __name__ == "__main__":
    flags.DEFINE_string(
        "encoder",
        None,
        "Pretrained encoder: minilm or mpnet (installed packages), or a folder.",
        required=True,
    )
    flags.DEFINE_string("data", None, "Directory of train.jsonl, dev.jsonl, test.jsonl.", required=True)
    flags.DEFINE_string("out", None, "Directory of the cache, new or to be added to.", required=True)
    run_main(_main)
