"""What a process of several hosts prints at its end: one line, also where JAX ends the process by itself.

When another host has died, JAX aborts the process from C++ and dumps its stack, and no Python code runs any
more. So the messages of such a process go through a second one, which leaves out the dump, and prints a line
in its place. The second process is this module's program.
"""

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator

_CHATTER = b"[Gloo]"
_DUMP = (b"coordination_service", b"distributed service", b"coordination service")


def guard_messages(line: str) -> None:
    """Sends all further messages on stderr, also those from C++, through a process that filters them.

    That process is not reached by signals of a terminal, and ends with this one.

    Args:
      line: what is printed if JAX ends this process.
    """
    command = [sys.executable, "-m", "cman_jax.app.last_words", line]
    reader, writer = os.pipe()
    subprocess.Popen(command, stdin=reader, stdout=subprocess.DEVNULL, start_new_session=True)
    os.close(reader)
    sys.stderr.flush()
    os.dup2(writer, 2)
    os.close(writer)


def filtered(messages: Iterable[bytes], line: str) -> Iterator[bytes]:
    """Yields messages up to a dump of JAX about a lost host, and a line in the dump's place.

    Args:
      messages: the lines that a process writes on stderr until it ends.
      line: the line; it is not repeated if the process has printed it itself.
    """
    printed = dumped = False
    for message in messages:
        printed |= message.decode(errors="replace").rstrip("\n") == line
        dumped |= any(words in message for words in _DUMP)
        if not message.startswith(_CHATTER) and (not dumped or message.startswith(b"error: ")):
            yield message
    if dumped and not printed:
        yield line.encode() + b"\n"


if __name__ == "__main__":
    for shown in filtered(sys.stdin.buffer, sys.argv[1]):
        sys.stderr.buffer.write(shown)
        sys.stderr.buffer.flush()
