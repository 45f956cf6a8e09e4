#!/bin/bash
# The README's table of keys is the one that the program's tables make.
set -euo pipefail
if ! diff -u README.md tools/package/README.md; then
  echo "write it anew: bazel build //tools/package:README.md && cp bazel-bin/tools/package/README.md README.md"
  exit 1
fi
