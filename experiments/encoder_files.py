"""Where a pretrained encoder's files are: flags of every program that runs one."""

from absl import flags

_FILES = {
    "options": flags.DEFINE_string("elmo_options", None, "ELMo's options.json, as AllenNLP publishes it."),
    "weights": flags.DEFINE_string("elmo_weights", None, "ELMo's weights.hdf5, as AllenNLP publishes it."),
    "directory": flags.DEFINE_string(
        "minilm_dir", None, "MiniLM's files; default: those of the installed package."
    ),
}


def given_files() -> dict[str, str]:
    """The arguments of `load_encoder` that the command line gives."""
    return {name: flag.value for name, flag in _FILES.items() if flag.value}
