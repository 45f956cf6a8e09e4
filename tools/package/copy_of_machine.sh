# Sourced by tests that install the package: a copy of this machine that is thrown away, an overlay with its own
# processes and network.

# Ends the test as skipped where it is impossible.
need_a_copy() {
  ((EUID != 0)) || ! unshare --mount --pid --net --fork true 2>/dev/null || return 0
  [[ -z ${TESTS_MAY_NOT_SKIP-} ]] || { echo "FAILED: neither root nor namespaces, and in CI no test is skipped"; exit 1; }
  echo "skipped: needs root and namespaces"
  exit 0
}

# Runs in the copy: the loopback interface of a new network is down.
loopback_up() {
  python3 -c 'import fcntl, socket, struct
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh14x", b"lo", 1))'
}

# Runs the rest of its arguments until they succeed, for at most 20 s. The caller has a function fail.
wait_until() {
  local what=$1 deadline=$((SECONDS + 20))
  shift
  until "$@"; do
    ((SECONDS < deadline)) || fail "waited 20 s for: $what"
    sleep 0.05
  done
}

# in_a_copy BEFORE INSIDE AFTER: functions, exported as all that they use. INSIDE runs with the copy as its root. The
# others run outside, with the folder that has the copy, root/, and what was changed in it, made/.
in_a_copy() {
  local status=0
  export copy_before=$1 copy_inside=$2 copy_after=$3 copy_folder
  copy_folder=$(mktemp -d)
  unshare --mount --pid --net --fork --kill-child bash -euo pipefail -c '
    mount -t tmpfs copy "$copy_folder"
    mkdir "$copy_folder"/{made,work,root}
    mount -t overlay overlay -o "lowerdir=/,upperdir=$copy_folder/made,workdir=$copy_folder/work" "$copy_folder/root"
    mount -t proc proc "$copy_folder/root/proc"
    mount --bind /dev "$copy_folder/root/dev"
    mount -t tmpfs run "$copy_folder/root/run"
    mount -t tmpfs tmp "$copy_folder/root/tmp"
    "$copy_before" "$copy_folder"
    # A container image may forbid all daemons; nothing here is started by init.
    chroot "$copy_folder/root" /bin/bash -euo pipefail -c "$copy_inside" </dev/null
    "$copy_after" "$copy_folder"
  ' || status=$?
  rmdir "$copy_folder"
  return "$status"
}
export -f loopback_up wait_until
