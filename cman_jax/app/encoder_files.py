"""Where a pretrained encoder's files are: flags of every program that runs one."""

from absl import flags

_FILES = {
    "elmo": {
        "options": flags.DEFINE_string("elmo_options", None, "ELMo's options.json, as published."),
        "weights": flags.DEFINE_string("elmo_weights", None, "ELMo's weights.hdf5, as published."),
    },
    "minilm": {
        "directory": flags.DEFINE_string(
            "minilm_dir", None, "MiniLM's files; default: those of the installed package."
        ),
    },
}


def given_files() -> dict[str, str]:
    """All that the command line gives, as arguments of `load_encoder`."""
    return {name: path for encoder in _FILES for name, path in given_files_of(encoder).items()}


def given_files_of(encoder: str) -> dict[str, str]:
    """Those of one encoder."""
    return {name: flag.value for name, flag in _FILES.get(encoder, {}).items() if flag.value}


def flags_of_others(encoder: str | None) -> list[str]:
    """The names of all flags here but those of one encoder; None: of all."""
    return [flag.name for name, files in _FILES.items() if name != encoder for flag in files.values()]
