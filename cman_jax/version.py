"""The version of the package, in one place: files of a run and the distribution carry it."""

__version__ = "0.3.0"
