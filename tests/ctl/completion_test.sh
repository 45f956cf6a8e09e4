#!/bin/bash
# The completion of preforkctl, as bash calls it; its commands are those that preforkctl's help names.
set -euo pipefail

completion=$1
ctl=$PWD/$2
# shellcheck source=/dev/null
source "$completion"

# expect 'WORDS' WORD...: what is offered for the last word, in order.
expect() {
  local expected=$1
  shift
  COMP_WORDS=("$@")
  COMP_CWORD=$(($# - 1))
  _preforkctl
  if [[ ${COMPREPLY[*]} != "$expected" ]]; then
    echo "$*: offered '${COMPREPLY[*]}', expected '$expected'"
    exit 1
  fi
}

expect "reload retire reopen-logs" preforkctl re
expect "status stop" preforkctl --json st
expect "--control --count" preforkctl top --co
expect "--wait" preforkctl reload --w
expect "--version --verbose" preforkctl version --ver
expect "--wait" preforkctl --control /x upgrade --w
expect "" preforkctl stop --w
expect "" preforkctl scale ""
expect "" preforkctl top --count ""
expect "" "$ctl" --control /nonexistent/socket retire ""  # no server, and no message into the operator's line
expect "$completion" preforkctl --control "${completion%completion}"

# Slots come from the server that is asked.
preforkctl_of_a_server() {
  [[ $* == "--control /s workers" ]] || exit 1
  printf 'SLOT  INC\n   0    1\n   7    9\n  71    3\n'
}
expect "7 71" preforkctl_of_a_server --control /s retire 7

# So do pools.
preforkctl_of_pools() {
  [[ $* == "status" ]] || exit 1
  printf 'LISTENER  SERVICE\n:80  web\n\nPOOL  STATE\nmain  serving\napp  serving\napi  degraded\n\nSLOT  POOL\n   0  main\n'
}
expect "main= app= api=" preforkctl_of_pools scale ""
expect "app= api=" preforkctl_of_pools scale ap
expect "" "$ctl" --control /nonexistent/socket scale ""

commands=$("$ctl" --help | sed -n '/^commands:/,/^$/p' | awk '/^  [a-z]/ { print $1 }')
expect "$(tr '\n' ' ' <<<"$commands" | sed 's/ $//')" preforkctl ""
