"""Programs of others that a test needs. Where one cannot be had the test is skipped, and says so; never in CI."""

import os
import shutil
import sys


def require(*programs):
    missing = [name for name in programs if shutil.which(name) is None]
    if not missing:
        return
    if os.environ.get("PREFORKD_CI"):
        sys.exit(f"FAILED: {', '.join(missing)} not found, and in CI no test is skipped (tools/setup test installs them)")
    print(f"SKIPPED: {', '.join(missing)} not found (tools/setup test installs them, where Debian's packages can be had)")
    sys.exit(0)
