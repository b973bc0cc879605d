"""Modules of NLTK without the rest of NLTK, which imports SciPy's statistics and takes seconds.

`import nltk` runs the package's `__init__`, which imports all of its modules. Here it is postponed until a
program asks the package for something that is not one of its modules.
"""

import importlib
import importlib.util
import sys
from functools import partial
from types import ModuleType
from typing import Any


def nltk_module(name: str) -> ModuleType:
    """Returns a module of NLTK.

    Args:
      name: the dotted name, such as "nltk.tokenize.punkt".

    Raises:
      ImportError: NLTK is not installed.
    """
    _postpone(name.partition(".")[0])
    return importlib.import_module(name)


def _postpone(name: str) -> None:
    """Makes a package known whose modules can be imported, but whose `__init__` has not been run."""
    spec = None if name in sys.modules else importlib.util.find_spec(name)
    if spec is not None:
        package = importlib.util.module_from_spec(spec)
        vars(package)["__getattr__"] = partial(_attribute, package)
        sys.modules[name] = package


def _attribute(package: ModuleType, name: str) -> Any:
    """Returns a module of a postponed package, or runs the package and returns its attribute."""
    module = f"{package.__name__}.{name}"
    if importlib.util.find_spec(module) is not None:
        return importlib.import_module(module)
    if vars(package).pop("__getattr__", None) is not None:
        package.__spec__.loader.exec_module(package)
    return getattr(package, name)
