"""Where the time of a program goes, by kinds of its operations, from a trace of JAX's profiler on a CPU.

A loop counts as one operation. Tracing itself takes time, most of it in loops, which have many small
operations: the sum over all kinds is up to a quarter more than the time of a step without a trace. If the
process may use several cores, the trace lacks a part of the time of loops.
"""

import re
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import jax

_BRANCH = r"/cond/branch_"
KINDS = {
    "LSTM loops": r"\.states/while$",
    "relation scorer": r"/jit\(_(score|gradients)_in_turn\)/",
    "CRF": r"/while$",
    "optimiser": _BRANCH,
    "products": r"dot_general$",
    "copies and rounding": r"/(transpose|concatenate|convert_element_type|layout_constraint|stack|reshape)$",
}
"""Each kind with a pattern of operations' places in the network; the first that matches counts."""
_BY_NAME = {
    "products": r"(ynn|dot)",
    "copies and rounding": r"(wrapped_)?(copy|transpose|concatenate|convert)",
}
"""The same for the names of operations without a place."""
REST = "the rest"
"""The kind of all other operations, which are sums and functions of single numbers."""


def milliseconds_by_kind(text: str, run: Callable[[int], None], steps: int) -> dict[str, float]:
    """Returns the milliseconds of a step that operations of each kind take, from the mean of some steps.

    Args:
      text: the compiled program, as XLA prints it.
      run: runs the program as many times as its argument says, and waits for the last result.
      steps: number of steps in the trace.
    """
    kinds = kinds_of(text)
    with tempfile.TemporaryDirectory() as folder:
        jax.profiler.start_trace(folder)
        run(steps)
        jax.profiler.stop_trace()
        (trace,) = Path(folder).rglob("*.xplane.pb")
        profile = jax.profiler.ProfileData.from_file(str(trace))
    times: Counter[str] = Counter({kind: 0.0 for kind in [*KINDS, REST]})
    for plane in profile.planes:
        for line in plane.lines:
            for event in line.events:
                if event.name in kinds:
                    times[kinds[event.name]] += event.duration_ns / 1e6 / steps
    return dict(times)


def kinds_of(text: str) -> dict[str, str]:
    """Returns the kind of each operation of a program by its name, without those inside of other operations.

    A condition is the exception: its operations count, because a trace does not always have the condition.

    Args:
      text: the compiled program, as XLA prints it.
    """
    kinds, inside = {}, True
    for line in text.splitlines():
        inside = inside and not line.startswith("ENTRY ")
        if found := re.match(r"\s+(?:ROOT )?%([\w.\-]+) = ", line):
            name, place = found[1], re.search(r'op_name="([^"]*)"', line)
            where = place[1] if place else ""
            if (_BRANCH in where) if inside else not name.startswith("conditional"):
                kinds[name] = _kind(name, where)
    return kinds


def _kind(name: str, place: str) -> str:
    """Returns the kind of an operation by its place in the network, or else by its name."""
    by_place = (kind for kind, pattern in KINDS.items() if re.search(pattern, place))
    by_name = (kind for kind, pattern in _BY_NAME.items() if re.match(pattern, name))
    return next(by_place, None) or next(by_name, REST)
