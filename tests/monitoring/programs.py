"""Other programs that a test needs. Without one of them the test is skipped with a message, but in CI it fails."""

import os
import shutil
import sys


def cannot(why):
    """Ends the test, in CI too: the machine itself cannot do what it needs, whatever is installed."""
    print(f"SKIPPED: {why}")
    sys.exit(0)


def skip(why):
    """Ends the test."""
    if os.environ.get("TESTS_MAY_NOT_SKIP"):
        sys.exit(f"FAILED: {why}; in CI no test is skipped")
    cannot(why)


def require(*programs):
    missing = [name for name in programs if shutil.which(name) is None]
    if missing:
        skip(f"no {' and no '.join(missing)} (tools/setup test installs them, where they can be had)")
