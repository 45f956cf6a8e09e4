"""Waiting for a condition, with a deadline. No test sleeps for a guessed time."""

import time

TIMEOUT = 30  # seconds, for something that takes milliseconds on an idle machine


def wait_until(condition, what, timeout=TIMEOUT):
    """The first value of condition() that is true. `what`: the condition in words, or a function that returns them."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s: {what() if callable(what) else what}")
        time.sleep(0.05)
