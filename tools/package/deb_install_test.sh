#!/bin/bash
# Installs the Debian package and starts the server as its unit does; reloads it, upgrades to a second version of the
# package, stops, removes and purges. All on a copy of this machine that is thrown away (an overlay, with its own
# processes and network).
set -euo pipefail

deb=$PWD/$1

source "$(dirname "${BASH_SOURCE[0]}")/copy_of_machine.sh"
need_a_copy

# Runs inside the copy.
in_the_copy() {
  fail() {
    echo "FAILED: $1"
    cat /tmp/server.log /tmp/dpkg.log 2>/dev/null || true
    exit 1
  }
  dpkg_quiet() { DEBIAN_FRONTEND=noninteractive dpkg "$@" >/tmp/dpkg.log 2>&1 || fail "dpkg $*"; }
  answers() {
    python3 -c 'import urllib.request as u; u.urlopen("http://127.0.0.1:8080/", timeout=5).read()' 2>/dev/null
  }
  # On the connection that is open as descriptor 9.
  kept_client_is_answered() {
    local line first=""
    printf 'HEAD / HTTP/1.1\r\nHost: test\r\n\r\n' >&9
    while IFS= read -r -t 10 -u 9 line && [[ $line != $'\r' ]]; do first=${first:-$line}; done
    [[ $first == "HTTP/1.1 200 OK"* ]]
  }
  running_program() { readlink "/proc/$server/exe"; }
  start() {
    # RuntimeDirectory= and LogsDirectory= of the unit.
    install -d -o preforkd -g preforkd /run/preforkd /var/log/preforkd
    setpriv --reuid=preforkd --regid=preforkd --clear-groups --no-new-privs --bounding-set=-all \
      /usr/sbin/preforkd -c /etc/preforkd/preforkd.toml 2>>/tmp/server.log &
    server=$!
    wait_until "the server to serve" answers
  }
  stop() {
    local status=0
    kill -TERM "$server"
    wait "$server" || status=$?
    ((status == 0)) || fail "stopped with status $status"
  }

  loopback_up
  rm -f /usr/sbin/policy-rc.d
  dpkg_quiet -i /tmp/package.deb
  getent passwd preforkd | grep -q ':/usr/sbin/nologin$' || fail "there is no user preforkd that cannot log in"
  [[ -L /etc/systemd/system/multi-user.target.wants/preforkd.service ]] || fail "the unit is not enabled"
  [[ ! -e /etc/systemd/system/sockets.target.wants/preforkd.socket ]] || fail "the socket is enabled by default"
  # As an administrator does with systemctl enable; purge must remove it.
  mkdir -p /etc/systemd/system/sockets.target.wants
  ln -s /lib/systemd/system/preforkd.socket /etc/systemd/system/sockets.target.wants/
  start
  preforkctl reload --wait || fail "the reload of a good configuration was refused"
  echo 'wrokers = 3' >>/etc/preforkd/preforkd.toml
  ! preforkctl reload --wait >/tmp/refusal || fail "the reload of a wrong configuration was not refused"
  sed -i '$d' /etc/preforkd/preforkd.toml
  preforkctl status >/dev/null || fail "no status"
  answers || fail "it does not serve after a refused reload"

  # Upgrades to a second version, with a changed configuration and a connected client: the process becomes the new
  # program.
  echo '# changed by the administrator' >>/etc/preforkd/preforkd.toml
  exec 9<>/dev/tcp/127.0.0.1/8080
  kept_client_is_answered || fail "no answer before the upgrade"
  dpkg_quiet --force-confold -i /tmp/second.deb
  grep -q 'changed by the administrator' /etc/preforkd/preforkd.toml || fail "the upgrade lost a change"
  kept_client_is_answered || fail "the upgrade cut off a client"
  [[ $(running_program) == /usr/sbin/preforkd ]] || fail "after the upgrade $(running_program) runs"

  # The new program refuses the configuration: the old one must go on serving. After a correction it can be upgraded.
  echo 'wrokers = 3' >>/etc/preforkd/preforkd.toml
  dpkg_quiet --force-confold -i /tmp/package.deb
  grep -q 'wrokers' /tmp/dpkg.log || fail "no message says why the old program goes on serving"
  kept_client_is_answered || fail "a refused upgrade cut off a client"
  [[ $(running_program) == "/usr/sbin/preforkd (deleted)" ]] || fail "a refused upgrade replaced the program"
  sed -i '$d' /etc/preforkd/preforkd.toml
  preforkctl upgrade --wait || fail "the upgrade by hand was refused"
  [[ $(running_program) == /usr/sbin/preforkd ]] || fail "after the upgrade by hand $(running_program) runs"

  # If a policy forbids restarts of services, nothing is restarted.
  printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
  chmod 755 /usr/sbin/policy-rc.d
  dpkg_quiet --force-confold -i /tmp/second.deb
  [[ $(running_program) == "/usr/sbin/preforkd (deleted)" ]] || fail "the policy was ignored"
  rm /usr/sbin/policy-rc.d
  kept_client_is_answered || fail "the first client lost its connection"
  exec 9>&-
  stop

  dpkg_quiet -r preforkd
  [[ -f /etc/preforkd/preforkd.toml && ! -e /usr/sbin/preforkd ]] || fail "remove must delete the programs and nothing else"
  touch /var/log/preforkd/server.log
  dpkg_quiet -P preforkd
}

# The package, and its next version: the same except for the number.
put_packages() {
  cp "$deb" "$1/root/tmp/package.deb"
  dpkg-deb --raw-extract "$deb" "$1/second"
  sed -i 's/^Version: .*/&+second/' "$1/second/DEBIAN/control"
  dpkg-deb --root-owner-group -Znone --build "$1/second" "$1/root/tmp/second.deb" >/dev/null
}
# Files made in the copy that still exist, except for the user and the records of dpkg and related programs.
left_behind() {
  (cd "$1" && find . -mindepth 1 ! -type c ! -type d | sed 's|^\./||' | grep -vE \
    '^(tmp/|root/|dev/|var/lib/dpkg/(status|available|lock|triggers/|diversions|statoverride)|var/log/(dpkg|apt)|var/cache/(man|ldconfig|debconf)/|etc/(passwd|group|shadow|gshadow|subuid|subgid)-?$|etc/\.pwd\.lock$|etc/ld\.so\.cache$|var/lib/dpkg/[a-z-]+-old$)' || true)
  (cd "$1" && find . -iname '*preforkd*' ! -type c | sed 's|^\./||')
}

nothing_is_left() {
  local left
  left=$(left_behind "$1/made")
  [[ -z $left ]] || { echo "FAILED: left behind: $left"; exit 1; }
}

export -f in_the_copy put_packages left_behind nothing_is_left
export deb
in_a_copy put_packages in_the_copy nothing_is_left
