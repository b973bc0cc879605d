"""The flags of a command line: parsing, help, and the settings under --config.

A mistake in them is one line on stderr, and the exit status is 1.
"""

import difflib
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import NoReturn

from absl import flags

from cman_jax.config import Config, to_dict
from cman_jax.errors import InputError

_SETTING = re.compile(r"--?(?:no)?config\.([^=]*)")
_NO_FIELD = re.compile(r"'\w*Config' object has no attribute '(\w+)'")
_A_CONFIG = "a Python file whose get_config() returns a cman_jax.config.Config"
_VALUES = {
    "int": "NUMBER",
    "float": "NUMBER",
    "number or dev": "NUMBER|dev",
    "string": "TEXT",
    "comma separated list of strings": "A,B",
}
_REQUIRED = re.compile(r"Flag --(\w+) must have a value other than None")
FOREIGN = ("absl.", "ml_collections", "jax", "orbax", "etils")
"""The beginnings of the modules whose flags are those of libraries."""
_HELP = ("--help", "-help", "-h", "-?", "--helpshort", "--helpfull", "--helpxml")


def define_config(default: str = "conll04") -> flags.FlagHolder:
    """Defines --config, the experiment: a packaged config by name, or a file.

    The command line is read at once, because ml_collections reads it at once too, and raises a KeyError or a
    TypeError for a setting that does not exist.
    """
    for argument in sys.argv[1:]:
        setting = _SETTING.match(argument)
        if setting and (expected := unknown_field(setting[1])):
            _end(InputError("flags", None, f"the setting config.{setting[1]}", expected))
    from ml_collections import config_flags  # not needed by the programs without --config

    about = (
        f"Experiment: {', '.join(config_names())}, or a Python file, which is run: read a stranger's first. "
        "Single fields as --config.SECTION.FIELD=VALUE."
    )
    try:
        argv = _with_config_paths(sys.argv)
        return config_flags.DEFINE_config_file("config", _config_path(default), about, sys_argv=argv)
    except (OSError, ValueError, flags.Error) as error:
        _end(error)


def unknown_field(name: str) -> str | None:
    """Returns what to write instead of a dotted name such as "training.epochs"; None: it is a field."""
    sections = to_dict(Config())
    section, _, field = name.partition(".")
    if field in sections.get(section, ()):
        return None
    homes = {each: home for home, fields in reversed(sections.items()) for each in fields}
    first = field.partition(".")[0] or section
    inside = difflib.get_close_matches(first, sections.get(section, ()), 1)
    anywhere = difflib.get_close_matches(first, homes, 1)
    if first in homes or anywhere or inside:
        nearest = first if first in homes else (inside or anywhere)[0]
        home = section if nearest in sections.get(section, ()) else homes[nearest]
        return f"config.{home}.{nearest}, the nearest name"
    if section in sections:
        return f"config.{section}. and one of {', '.join(sections[section])}"
    return f"a field of {', '.join(f'config.{each}' for each in sections)}"


def config_names() -> list[str]:
    """Returns the names of the packaged configs."""
    folder = resources.files("cman_jax.configs")
    return sorted(
        path.name.removesuffix(".py")
        for path in folder.iterdir()
        if path.name.endswith(".py") and not path.name.startswith("_")
    )


def parse_flags(argv: Sequence[str], module: str) -> list[str]:
    """Parses the flags for `absl.app.run`; prints the program's help if the command line asks for it.

    Args:
      argv: the command line, the program's name first.
      module: the program's module, whose docstring explains it.

    Returns:
      The program's name.
    """
    if any(argument.partition("=")[0] in _HELP for argument in argv[1:]):
        print(help_text(module))
        sys.exit(0)
    try:
        rest = flags.FLAGS(_with_config_paths(argv))
        if "config" in flags.FLAGS:
            _check_config(flags.FLAGS["config"])
        if len(rest) > 1:
            raise InputError("flags", None, f"the argument {rest[1]!r}", "only flags, as --name=value")
        _refuse_empty(module)
        return rest
    except flags.Error as error:
        missing = _REQUIRED.search(str(error))
        _end(InputError("flags", None, f"no --{missing[1]}", "a value for it") if missing else error)
    except (InputError, OSError) as error:
        _end(error)
    except ValueError as error:  # of absl, for --noNAME=VALUE and for levels of logging
        _end(InputError("flags", None, str(error), "flags and values as --help shows them"))
    except AttributeError as error:  # in the file of --config
        if "config" not in flags.FLAGS:
            raise
        field = _NO_FIELD.fullmatch(str(error))
        expected = unknown_field(field[1]) if field else None
        _end(InputError("the file of --config", None, str(error), expected or _A_CONFIG))


def help_text(module: str) -> str:
    """Returns a module's docstring and the flags of this project; those of the libraries are left out."""
    parts = [(sys.modules[module].__doc__ or "").strip(), "flags:"]
    parts += ["\n".join(_flag_lines(flag)) for flag in _own_flags(module)]
    return "\n\n".join(parts)


def _refuse_empty(program: str) -> None:
    """Refuses an empty value, such as that of a variable that is not set, for a flag without a default.

    Raises:
      InputError: names the flag.
    """
    for flag in _own_flags(program):
        if flag.present and flag.value == "" and flag.default is None:
            raise InputError("flags", None, f"--{flag.name}= without a value", "a value, or no such flag")


def refuse_unread(names: Iterable[str], expected: str) -> None:
    """Refuses flags that the command line gives and that nothing would read.

    Args:
      names: of the flags; a name that the program does not have is skipped.
      expected: when they would be read, or what to give instead.

    Raises:
      InputError: names the flags that are given.
    """
    given = [f"--{name}" for name in names if name in flags.FLAGS and flags.FLAGS[name].present]
    if given:
        raise InputError("flags", None, ", ".join(given), expected)


def _own_flags(program: str) -> list[flags.Flag]:
    """Returns the flags of this project: required ones, then the program's own, then shared ones."""
    own = [
        (not _is_required(flag), module not in (program, sys.argv[0]), flag)
        for module, defined in flags.FLAGS.flags_by_module_dict().items()
        if not module.startswith(FOREIGN)
        for flag in defined
        if not flag.name.startswith("config.")
    ]
    return [flag for *_, flag in sorted(own, key=lambda each: each[:2])]


def _is_required(flag: flags.Flag) -> bool:
    """Returns whether the flag was defined with `required=True`, which absl keeps only in a message."""
    return any(_REQUIRED.search(validator.message) for validator in flag.validators)


def _flag_lines(flag: flags.Flag) -> Iterator[str]:
    """Yields the lines about a flag: its name with its values, then the help text."""
    values = getattr(flag.parser, "enum_values", None)
    value = "|".join(values) if values else _VALUES.get(flag.flag_type(), "VALUE")
    yield f"  --[no]{flag.name}" if flag.boolean else f"  --{flag.name}={value}"
    notes = [re.sub(r"^<[^>]*>: ", "", flag.help)]  # absl repeats the values of a choice
    if _is_required(flag):
        notes.append("Required.")
    elif flag.default not in (None, "") and flag.name != "config":
        notes.append(f"Default: {flag.default_as_str.strip(chr(39))}.")
    width = min(shutil.get_terminal_size().columns, 110)
    yield textwrap.fill(" ".join(notes), width, initial_indent=" " * 6, subsequent_indent=" " * 6)


def _with_config_paths(argv: Sequence[str]) -> list[str]:
    """Returns the command line with the path of the packaged config in place of its name."""
    found = list(argv)
    for i, argument in enumerate(found):
        if re.match(r"--?config=", argument):
            name, _, value = argument.partition("=")
            found[i] = f"{name}={_config_path(value)}"
        elif argument in ("--config", "-config") and i + 1 < len(found):
            found[i + 1] = _config_path(found[i + 1])
    return found


def _config_path(value: str) -> str:
    """Returns the file of a packaged config, or the value if it is a path.

    Raises:
      InputError: the value is neither a path nor the name of a packaged config.
    """
    if value.endswith(".py") or Path(value).exists():
        return value
    if value not in config_names():
        raise InputError(
            "flags", None, f"--config={value}", f"one of {', '.join(config_names())}, or {_A_CONFIG}"
        )
    return str(resources.files("cman_jax.configs") / f"{value}.py")


def _check_config(flag: flags.Flag) -> None:
    """Raises an InputError if the file of --config is missing, or gives something else than a config."""
    if type(flag.value) is not Config:
        loaded = type(flag.value).__name__
        found = "no such file" if loaded == "_ErrorConfig" else f"a {loaded} from get_config()"
        raise InputError(flag.config_filename, None, found, _A_CONFIG)


def _end(error: Exception) -> NoReturn:
    print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
    sys.exit(1)
