#!/bin/bash
# The table of keys in common/README.md is the one that the program's own tables give.
set -euo pipefail
if ! diff -u common/README.md tools/package/common_page.md; then
  echo "update it: bazel build //tools/package:common_page.md && cp bazel-bin/tools/package/common_page.md common/README.md"
  exit 1
fi
