"""The script that writes config.md from the dataclasses of cman_jax/config.py, their comments and rules.

    python docs/reference/make_config.py

The comment behind a field is its meaning. The allowed values are what `validate` answers to wrong values.
"""

import copy
import dataclasses
import importlib
import inspect
import io
import pkgutil
import re
import tokenize
import typing
from pathlib import Path
from typing import Any

from cman_jax import configs
from cman_jax.config import Config, differences
from cman_jax.config_checks import SettingError, validate

PAGE = Path(__file__).with_name("config.md")
_NOT_A_VALUE = object()  # of no field's type
_PROBES = (-1, 0, 1, 7, -1.0, 0.0, 0.5, 0.75, 1.0, 2.0, True, (), (2, 1), (1.0,))
"""Values that together break every rule. A value of the wrong type breaks the rule of the field's type."""

_INTRODUCTION = """\
# Configuration

`python docs/reference/make_config.py` writes this page from `cman_jax/config.py`.

A config has six sections. A run stores its config as `config.json`. On the command line a packaged config is
chosen by name, and single fields replace its values:

```
cman train --config=conll04 --config.training.num_epochs=20 --config.data.bucket_lengths='(32, 64)' \\
    --data=data/conll04 --workdir=runs/conll04
```

A boolean field is set by `--config.model.null_relation` and `--noconfig.model.null_relation`. A Python file
can take the name's place, `--config=own.py`; its function `get_config()` returns a `cman_jax.config.Config`.
The file is run as a program.
A value that is not allowed ends the program with one line.

Sections (§), equations, tables and symbols are those of the paper. A default is the paper's value where the
paper gives one."""


def page() -> str:
    """Returns the text of config.md."""
    sections = dataclasses.fields(Config)
    return "\n\n".join([_INTRODUCTION, *map(_section, sections), _packaged()]) + "\n"


def comments(section: type) -> dict[str, str]:
    """Returns the comment behind each field of a dataclass, by the field's name."""
    lines: dict[int, list[tokenize.TokenInfo]] = {}
    for token in tokenize.generate_tokens(io.StringIO(inspect.getsource(section)).readline):
        lines.setdefault(token.start[0], []).append(token)
    fields = {field.name for field in dataclasses.fields(section)}
    return {
        name: token.string.lstrip("# ")
        for tokens in lines.values()
        for token in tokens
        if token.type == tokenize.COMMENT and (name := _first_name(tokens)) in fields
    }


def _first_name(tokens: list[tokenize.TokenInfo]) -> str | None:
    """Returns the first name of a line of code."""
    return next((token.string for token in tokens if token.type == tokenize.NAME), None)


def allowed(section: str, field: dataclasses.Field) -> str:
    """Returns the values of a field that are allowed, beyond those of its type; empty if all are."""
    rules: dict[str, None] = {}
    for name in ("conll04", "multihead_conll04"):
        type_rule = _refusal(name, section, field.name, _NOT_A_VALUE)
        for probe in _PROBES:
            rule = _refusal(name, section, field.name, probe)
            if rule not in (None, type_rule):
                rules.setdefault(rule)
    choices = " \\| ".join(f'`"{choice}"`' for choice in field.metadata.get("choices", ()))
    return choices or "; ".join(rules)


def _refusal(config_name: str, section: str, field: str, value: Any) -> str | None:
    """Returns what a packaged config expects in place of a field's value; None: the value is allowed."""
    config = copy.deepcopy(_packaged_config(config_name))
    setattr(getattr(config, section), field, value)
    try:
        validate(config)
    except SettingError as error:
        return error.allowed if error.name == f"{section}.{field}" else None
    return None


def _section(section: dataclasses.Field) -> str:
    """Returns the heading, the sentence and the table of a section."""
    meaning = comments(section.type)
    rows = [
        (f"`{f.name}`", _type_name(f), _value(f.default), allowed(section.name, f), meaning[f.name])
        for f in dataclasses.fields(section.type)
    ]
    about = inspect.getdoc(section.type).partition("\n")[0]
    first_sentence = re.split(r"(?<=\.) ", about)[0]
    table = _table(("field", "type", "default", "allowed", "meaning"), rows)
    return f"## {section.name}\n\n{first_sentence}\n\n{table}"


def _packaged() -> str:
    """Returns the section on the packaged configs: the first line of each, and what it changes."""
    rows = []
    for _, name, _ in pkgutil.iter_modules(configs.__path__):
        module = importlib.import_module(f"cman_jax.configs.{name}")
        changed = differences(Config(), module.get_config())
        settings = ", ".join(f"`{field}` {_value(value)}" for field, _, value in changed)
        rows.append((f"`{name}`", module.__doc__.partition("\n")[0], settings or "nothing"))
    table = _table(("name", "for", "what it changes of the defaults"), rows)
    return f"## Packaged configs\n\n`--config=NAME` finds these by name.\n\n{table}"


def _packaged_config(name: str) -> Config:
    """Returns a packaged config."""
    return importlib.import_module(f"cman_jax.configs.{name}").get_config()


def _type_name(field: dataclasses.Field) -> str:
    """Returns a field's type in words."""
    if typing.get_origin(field.type) is tuple:
        return f"tuple of {typing.get_args(field.type)[0].__name__}"
    return "text" if field.type is str else field.type.__name__


def _value(value: Any) -> str:
    """Returns a value as it is written in a config file."""
    return f'`"{value}"`' if isinstance(value, str) else f"`{value!r}`"


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Returns a table in Markdown."""
    lines = [heads, ("---",) * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
