#!/bin/bash
# preforkctl from outside: what it prints where, and its exit status.
set -euo pipefail

ctl=$1

# expect STATUS STREAM TEXT ARGUMENT...: the text is part of what the stream got, the other stream is empty.
expect() {
  local status=$1 stream=$2 text=$3 got=0 other=stdout
  shift 3
  [[ $stream == stderr ]] || other=stderr
  "$ctl" "$@" >"$TEST_TMPDIR/stdout" 2>"$TEST_TMPDIR/stderr" || got=$?
  if ((got != status)) || ! grep -qF -- "$text" "$TEST_TMPDIR/$stream" || [[ -s $TEST_TMPDIR/$other ]]; then
    echo "preforkctl $*: expected status $status and '$text' on $stream; got $got:"
    head -v "$TEST_TMPDIR/stdout" "$TEST_TMPDIR/stderr"
    exit 1
  fi
}

expect 0 stdout "preforkctl 0.1.0" version
expect 0 stdout "preforkctl 0.1.0" --version
expect 0 stdout "usage: preforkctl COMMAND" --help
expect 64 stderr "no command; the only command so far is version"
expect 64 stderr 'unknown command' status
expect 64 stderr 'unexpected argument' version now
