"""The flags of several hosts, which all run one command: who they are, and how they end together."""

import importlib.util
import os
import sys
import traceback
from collections.abc import Callable, Mapping

import jax
from absl import flags

from cman_jax.app.last_words import guard_messages
from cman_jax.app.program import status_of
from cman_jax.errors import InputError
from cman_jax.training.hosts import ALONE, HostLost, Hosts, SeveralHosts

_COORDINATOR = flags.DEFINE_string(
    "coordinator",
    None,
    "Address of the first of several hosts that train together, with a free port, as in node0:8476.",
)
_NUM_PROCESSES = flags.DEFINE_integer(
    "num_processes",
    None,
    "Number of hosts that train together, each started with the same command; 1: this one trains alone.",
    lower_bound=1,
)
_PROCESS_ID = flags.DEFINE_integer("process_id", None, "This host's number, from 0 on.", lower_bound=0)

_HEARTBEAT = 20  # seconds without a sign of life until a host counts as lost
_PATIENCE = 10.0  # seconds in which a host that ends early waits for others that end too
_TPUS = ("/dev/accel0", "/dev/vfio/0")


def on_hosts(program: Callable[[Hosts], int]) -> int:
    """Runs a program on this host, with the hosts that the flags name or that the environment announces.

    An error or a signal that ends this host ends the process at once, so that the others notice it.

    Args:
      program: is called with the hosts; returns the exit status.

    Returns:
      The exit status.

    Raises:
      InputError: the flags do not fit together, or the hosts do not find each other.
    """
    if not _are_several():
        return program(ALONE)
    guard_messages(f"error: {HostLost()}")
    hosts = _connected()
    if not hosts.first:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    status = _status_on(hosts, program)
    try:
        hosts.end(_PATIENCE) if status else hosts.end()
    except HostLost as error:
        if not status:
            print(f"error: {error}", file=sys.stderr)
        _leave(status or 2)
    jax.distributed.shutdown()
    return status


def _status_on(hosts: Hosts, program: Callable[[Hosts], int]) -> int:
    """Returns the exit status of the program, after the lines of its error if there is one."""
    try:
        return status_of(lambda: program(hosts)) or 0
    except HostLost as error:
        print(f"error: {error}", file=sys.stderr)
        _leave(2)
    except Exception:  # a bug, whose traceback is printed as Python does
        traceback.print_exc()
        return 1


def _leave(status: int) -> None:
    """Ends the process without JAX' own end, which would wait for the other hosts and dump its stack."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _are_several() -> bool:
    """Returns whether other hosts are to train too.

    Raises:
      InputError: some of the flags are missing.
    """
    given = [flag.value is not None for flag in (_COORDINATOR, _NUM_PROCESSES, _PROCESS_ID)]
    if _NUM_PROCESSES.value == 1:
        return False
    if any(given) and not all(given):
        expected = "--coordinator, --num_processes and --process_id together, or --num_processes=1"
        raise InputError("flags", None, "one of several hosts without all of its flags", expected)
    if all(given) and _PROCESS_ID.value >= _NUM_PROCESSES.value:
        expected = f"a number below {_NUM_PROCESSES.value}, the number of hosts"
        raise InputError("flags", None, f"--process_id={_PROCESS_ID.value}", expected)
    return all(given) or are_announced(os.environ) or _has_tpus()


def are_announced(environment: Mapping[str, str]) -> bool:
    """Returns whether a scheduler has started this process as one of several, in a way that JAX knows.

    Args:
      environment: the variables of the process.
    """
    if "SLURM_STEP_NODELIST" in environment and "SLURM_PROCID" in environment:  # started by srun
        return int(environment.get("SLURM_NTASKS", 1)) > 1
    if "OMPI_MCA_orte_hnp_uri" in environment:
        return int(environment.get("OMPI_COMM_WORLD_SIZE", 1)) > 1
    if "KUBERNETES_SERVICE_HOST" in environment and "JOB_COMPLETION_INDEX" in environment:
        return True
    return "," in environment.get("TPU_WORKER_HOSTNAMES", "")


def _has_tpus() -> bool:
    """Returns whether this machine has TPUs, whose hosts JAX finds out from the cloud."""
    wanted = (os.environ.get("JAX_PLATFORMS") or "tpu").startswith("tpu")
    return wanted and any(map(os.path.exists, _TPUS)) and importlib.util.find_spec("libtpu") is not None


def _connected() -> Hosts:
    """Returns the hosts, connected with each other; `ALONE` if there is only one.

    Raises:
      InputError: they cannot be found.
    """
    jax.config.update("jax_enable_preemption_service", False)  # signals are handled by signals.py
    try:
        jax.distributed.initialize(
            _COORDINATOR.value,
            _NUM_PROCESSES.value,
            _PROCESS_ID.value,
            cluster_detection_method=None if _COORDINATOR.value is None else "deactivate",
            heartbeat_timeout_seconds=_HEARTBEAT,
        )
    except (RuntimeError, ValueError, OSError) as error:
        if _COORDINATOR.value is None and not are_announced(os.environ):
            return ALONE  # TPUs that are not in a cloud that JAX knows
        expected = "hosts that reach the first one; --num_processes=1 trains on this host alone"
        raise InputError("hosts", None, " ".join(str(error).split()), expected) from None
    return ALONE if jax.process_count() == 1 else SeveralHosts()
