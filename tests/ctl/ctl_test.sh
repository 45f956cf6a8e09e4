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

expect 0 stdout "preforkctl 0.2.0" version
expect 0 stdout "preforkctl 0.2.0" --version
expect 0 stdout "usage: preforkctl [--control PATH] [--json] COMMAND" --help
expect 0 stdout '{"version":"0.2.0"}' --json version
for words in "version --verbose" "--verbose version" "--version --verbose" "--verbose --version"; do
  # shellcheck disable=SC2086
  expect 0 stdout "preforkctl 0.2.0" $words
  grep -qE '^build id +[0-9a-f]{40}$' "$TEST_TMPDIR/stdout" && grep -qE '^  fmt +[0-9]' "$TEST_TMPDIR/stdout" || {
    cat "$TEST_TMPDIR/stdout"
    exit 1
  }
done
expect 64 stderr "status does not take --verbose" status --verbose
expect 64 stderr "version: --verbose has no JSON output" --json version --verbose
expect 64 stderr "no command"
expect 64 stderr "unknown command 'staus'; did you mean 'status'?" staus
expect 64 stderr "unexpected argument 'now'" version now
expect 69 stderr "no preforkd answers at /nonexistent/socket: No such file" --control /nonexistent/socket status
expect 69 stderr "no preforkd answers at none" --control none top

# A reader that has had enough, and a disk that is full.
"$ctl" --help | head -1 >/dev/null
if "$ctl" --help >/dev/full 2>"$TEST_TMPDIR/stderr"; then
  echo "success on a full disk"
  exit 1
fi
