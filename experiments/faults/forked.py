"""Command lines in children of one process that has imported the slow modules, but has not started JAX.

    python -m experiments.faults.forked < REQUESTS

Each command line has a child of its own, because flags are global. The children share the imports. A request
is a line of JSON: the words of a command line, the `folder` to run it in, and the arguments of `in_child`.
The answer is a line of JSON: the fields of `Ended`. With the first word "parse" the flags are parsed, but the
program does not run; with "flags" it only prints its flags.
"""

import importlib
import json
import os
import resource
import runpy
import select
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from absl import flags

from cman_jax.app import program
from cman_jax.app.flags import FOREIGN, parse_flags
from cman_jax.files import json_text
from experiments.faults.ends import Ended

_SLOW = (
    "cman_jax.training.loop",
    "cman_jax.inference.extractor",
    "experiments.benchmarking.measures",
    "experiments.reproduction.training",
    "experiments.reproduction.figures",
    "data_prep.generated.corpus",
    "ml_collections.config_flags",
)
"""Modules that take long to import and define no flags of a program."""
UNCAUGHT = 70
"""The exit status of a child whose program ended with an error that it did not catch."""
_GRACE = 10.0  # seconds of computing between SIGTERM and SIGKILL
_SLOWER = 20.0  # how much longer a child may take than it may compute


def main() -> None:
    """Answers the requests on standard input."""
    import_slow()
    for line in iter(sys.stdin.readline, ""):
        request = json.loads(line)
        words, folder = request.pop("words"), Path(request.pop("folder"))
        print(json_text(in_child(partial(_start_in, folder, words), folder, **request)), flush=True)


def _start_in(folder: Path, words: Sequence[str]) -> None:
    """Starts a program in a folder, or only prints its flags."""
    os.chdir(folder)
    instead = {"flags": _print_flags, "parse": only_parse}.get(words[0])
    start_program(words if instead is None else words[1:], instead)


def only_parse(main: program.Main) -> None:
    """Parses the flags as `run_main` does, and does not run the program."""
    parse_flags(sys.argv, main.__module__)


def _print_flags(main: program.Main) -> None:
    """Prints the name, the type and the choices of every flag of this project, as JSON."""
    own = [
        {"name": flag.name, "type": flag.flag_type(), "choices": getattr(flag.parser, "enum_values", None)}
        for module, defined in flags.FLAGS.flags_by_module_dict().items()
        if not module.startswith(FOREIGN)
        for flag in defined
        if not flag.name.startswith("config.")
    ]
    print(json_text(own))


def import_slow() -> None:
    """Imports the slow modules."""
    for module in _SLOW:
        importlib.import_module(module)
    assert not {"workdir", "data", "config", "encoder"} & set(flags.FLAGS), "a slow module defines flags"


def start_program(words: Sequence[str], instead: Callable[[program.Main], None] | None = None) -> None:
    """Starts `cman ...` or `python -m MODULE ...` in this process; `instead` replaces `run_main`."""
    program.run_main = instead or program.run_main
    arguments = list(words[1:] if words[0] == "cman" else words[3:])
    module = "cman_jax.app" if words[0] == "cman" else words[2]
    sys.argv = [module, *arguments]
    if module == "cman_jax.app":
        importlib.import_module("cman_jax.app.__main__").main()
    else:
        runpy.run_module(module, run_name="__main__", alter_sys=False)


def in_child(
    start: Callable[[], None],
    outputs: Path,
    seconds: float = 300.0,
    stop_at: str = "",
    memory: int = 0,
    stdin: str = "",
) -> Ended:
    """Runs a program in a child process.

    Args:
      start: starts the program.
      outputs: a folder for what the child writes.
      seconds: the child gets SIGTERM after computing so long; a busy machine counts less.
      stop_at: the child gets SIGTERM when this text is in its output; empty: no text.
      memory: the most bytes that the child may map; 0: no limit.
      stdin: the standard input of the child.
    """
    paths = [outputs / name for name in (".stdout", ".stderr")]
    for path in paths:
        path.touch()
    sys.stdout.flush()  # the child would write it too
    child = os.fork()
    if not child:
        _be_child(start, paths, memory, stdin)
    _wait(child, paths[0], seconds, stop_at)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in paths]
    for path in paths:
        path.unlink()
    return Ended(status, *texts)


def _be_child(start: Callable[[], None], paths: Sequence[Path], memory: int, stdin: str) -> None:
    """Runs the program and ends this process."""
    status = UNCAUGHT
    try:
        with tempfile.TemporaryFile() as file:
            file.write(stdin.encode())
            file.seek(0)
            os.dup2(file.fileno(), 0)
        sys.stdin = os.fdopen(0)
        for number, path in enumerate(paths, 1):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), number)
        if memory:
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        status = _status(start)
        sys.stdout.flush()
    finally:
        os._exit(status)


def _status(start: Callable[[], None]) -> int:
    """Returns the exit status of a program."""
    try:
        start()
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return UNCAUGHT
    return 0


def _wait(child: int, output: Path, seconds: float, stop_at: str) -> None:
    """Waits until the child ends, which it is asked to and then made to."""
    process = os.pidfd_open(child)
    for number, limit in ((signal.SIGTERM, seconds), (signal.SIGKILL, seconds + _GRACE)):
        deadline = time.monotonic() + _SLOWER * limit
        while not select.select([process], [], [], 0.2)[0]:
            if _cpu_seconds(child) > limit or time.monotonic() > deadline:
                break
            if number == signal.SIGTERM and stop_at and stop_at in output.read_text(errors="replace"):
                break
        signal.pidfd_send_signal(process, number)  # without effect if it has ended
    os.close(process)


def _cpu_seconds(process: int) -> float:
    """Returns how long a process has computed."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
