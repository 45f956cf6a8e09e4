"""Waiting for a condition, with a deadline: nothing sleeps for a guessed time."""

import time

PATIENCE = 30  # seconds, for what takes milliseconds on an idle machine


def wait_until(condition, what, patience=PATIENCE):
    """The first value of condition() that is true. `what`: the condition in words, or a function that says it."""
    deadline = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {patience} s: {what() if callable(what) else what}")
        time.sleep(0.05)
