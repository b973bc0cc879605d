"""Tests of the messages of a process that JAX ends."""

from cman_jax.app.last_words import filtered

LINE = "error: another host has ended"
DUMP = b"""E1128 06:37:43 7368 coordination_service_agent.cc:289] Polled an error from coordination service
F1128 06:37:43 7368 client.h:80] Terminating process because the JAX distributed service detected errors.
*** Check failure stack trace: ***
    @     0x7f0652440634  absl::lts_20260107::log_internal::LogMessage::SendToLog()
"""
BEFORE = b"note: a message\n"


def printed(messages: bytes) -> bytes:
    """Returns what users see of messages."""
    return b"".join(filtered(messages.splitlines(keepends=True), LINE))


def test_a_line_takes_the_place_of_a_dump() -> None:
    assert printed(BEFORE + DUMP) == BEFORE + LINE.encode() + b"\n"


def test_a_line_that_the_process_has_printed_is_not_repeated() -> None:
    line = LINE.encode() + b"\n"
    assert printed(BEFORE + line + DUMP) == BEFORE + line
    assert printed(DUMP[: DUMP.index(b"***")] + line) == line


def test_other_messages_are_copied_without_chatter() -> None:
    traceback = b"Traceback (most recent call last):\n  File\nValueError: no newline at the end"
    assert printed(b"[Gloo] Rank 0 is connected to 1 peer ranks.\n" + traceback) == traceback
