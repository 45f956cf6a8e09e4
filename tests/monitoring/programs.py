"""Other programs that a test needs. Without one of them the test is skipped with a message, but in CI it fails."""

import os
import shutil
import sys


def require(*programs):
    missing = [name for name in programs if shutil.which(name) is None]
    if not missing:
        return
    if os.environ.get("TESTS_MAY_NOT_SKIP"):
        sys.exit(f"FAILED: no {' and no '.join(missing)}, and in CI no test is skipped (tools/setup test installs it)")
    print(f"SKIPPED: no {' and no '.join(missing)} (tools/setup test installs them, where they can be had)")
    sys.exit(0)
