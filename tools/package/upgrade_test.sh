#!/bin/bash
# upgrade_test.sh OLD.deb NEW.deb MODULE.so: installs the old package on a copy of this machine, starts the server as its
# unit does, with three pools, a module and TLS, and puts load on it: connections that ask all the time, new ones, idle
# ones. Then dpkg installs the new package, and the old one again. Both times the process stays, its version changes,
# no request fails, no connection is closed, and the idle ones are answered.
set -euo pipefail

old=$PWD/$1
new=$PWD/$2
module=$PWD/$3
load=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")/upgrade_load.py")

source "$(dirname "${BASH_SOURCE[0]}")/copy_of_machine.sh"
need_a_copy

# Runs inside the copy.
in_the_copy() {
  fail() {
    echo "FAILED: $1"
    tail -n 60 /tmp/server.log 2>/dev/null || true
    cat /tmp/dpkg.log /tmp/load.log 2>/dev/null || true
    exit 1
  }
  dpkg_quiet() { DEBIAN_FRONTEND=noninteractive dpkg "$@" >/tmp/dpkg.log 2>&1 || fail "dpkg $*"; }
  # The value of that line of the unit for setpriv: CAP_A CAP_B becomes -all,+a,+b.
  capabilities() {
    sed -n "s/^$1=/ /p" /lib/systemd/system/preforkd.service | sed 's/ CAP_/,+/g; s/^/-all/; s/.*/\L&/'
  }
  # status EXPRESSION, of the status as the variable s.
  status() { preforkctl --json status | python3 -c "import json, sys; s = json.load(sys.stdin); print($1)"; }
  answers() { curl -sf -o /dev/null http://127.0.0.1:8080/page && curl -sf -o /dev/null 'http://127.0.0.1:8090/hello'; }
  all_are_of_one_generation() { [[ $(status '{w["generation"] for w in s["workers"]} == {s["generation"]}') == True ]]; }
  # ask COMMAND: what the load answers must be ok.
  ask() {
    local answer=""
    [[ -z $1 ]] || echo "$1" >&"${LOAD[1]}"
    read -r -t 120 answer <&"${LOAD[0]}" || fail "the load does not answer ${1:-at its start}"
    [[ $answer == ok* ]] || fail "${1:-start}: $answer"
    echo "${1:-start}: $answer"
  }

  # change_to FILE: dpkg does the rest.
  change_to() {
    local version before generation
    version=$(dpkg-deb -f "$1" Version)
    before=$(status 's["version"]')
    generation=$(status 's["generation"]')
    dpkg_quiet --force-confold -i "$1"
    grep -q "^generation $((generation + 1)) serves, version $version in place of $before$" /tmp/dpkg.log ||
      fail "the package does not say that it has upgraded to $version"
    [[ $(readlink "/proc/$server/exe") == /usr/sbin/preforkd ]] || fail "after the upgrade $(readlink "/proc/$server/exe") runs"
    [[ $(status 's["version"]') == "$version" && $(status 's["pid"]') == "$server" ]] || fail "the version is not $version"
    [[ $(preforkctl version) == "preforkctl $version" ]] || fail "preforkctl is not $version"
    wait_until "the workers of $before to be gone" all_are_of_one_generation
    ask idle
    [[ $(status 's["lost"]') == 0 ]] || fail "lost: $(status 's["lost"]')"
    echo "upgraded from $before to $version"
  }

  loopback_up
  rm -f /usr/sbin/policy-rc.d
  dpkg_quiet -i /tmp/old.deb
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj /CN=site.test \
    -addext subjectAltName=DNS:site.test -keyout /etc/preforkd/tls/key.pem -out /etc/preforkd/tls/chain.pem 2>/dev/null
  cp /etc/preforkd/tls/chain.pem /tmp/authority.pem
  mkdir -p /srv/www
  printf 'the page' >/srv/www/page
  install -m 644 /tmp/hello.so /usr/lib/preforkd/hello.so
  {
    printf 'workers = 2\n[pool.app]\nworkers = 2\n[pool.status]\nworkers = 1\n'
    for listener in 8080:site:false 8443:site:true 8090:app:false 8453:app:true 8081:status:false; do
      IFS=: read -r port service tls <<<"$listener"
      printf '[[listen]]\naddress = "127.0.0.1:%s"\nservice = "%s"\ntls = %s\n' "$port" "$service" "$tls"
    done
    printf '[[tls.certificate]]\nchain = "/etc/preforkd/tls/chain.pem"\nkey = "/etc/preforkd/tls/key.pem"\n'
    printf '[service.site]\ntype = "http"\nroot = "/srv/www"\nkeepalive_timeout = "10m"\n'
    printf '[service.app]\ntype = "module"\npath = "/usr/lib/preforkd/hello.so"\npool = "app"\nthreads = 2\nkeepalive_timeout = "10m"\n'
    printf '[service.status]\ntype = "status"\npool = "status"\n'
  } >/etc/preforkd/preforkd.toml
  install -d -o preforkd -g preforkd /run/preforkd /var/log/preforkd
  setpriv --reuid=preforkd --regid=preforkd --clear-groups --no-new-privs \
    --inh-caps="$(capabilities AmbientCapabilities)" --ambient-caps="$(capabilities AmbientCapabilities)" \
    --bounding-set="$(capabilities CapabilityBoundingSet)" \
    /usr/sbin/preforkd -c /etc/preforkd/preforkd.toml 2>>/tmp/server.log &
  server=$!
  wait_until "the server to serve" answers

  coproc LOAD { exec python3 /tmp/upgrade_load.py /tmp/authority.pem http://127.0.0.1:8080/page='the page' \
    https://127.0.0.1:8443/page='the page' http://127.0.0.1:8090/hello?name=Ada=$'hello Ada\n' \
    https://127.0.0.1:8453/hello?name=Bob=$'hello Bob\n' 2>/tmp/load.log; }
  # bash forgets the descriptors of a coprocess that has ended.
  exec 8<&"${LOAD[0]}" 9>&"${LOAD[1]}"
  LOAD=(8 9)
  ask ""
  change_to /tmp/new.deb
  change_to /tmp/old.deb
  ask end

  local bad
  bad=$(grep -E ' alert |event=worker_exited .*(exit=SIG|lost=[1-9])|event=upgrade_(refused|returned)' /tmp/server.log || true)
  [[ -z $bad ]] || fail "the log has: $bad"
  kill -TERM "$server"
  wait "$server" || fail "the server stopped with status $?"
}

put_files() {
  cp "$old" "$1/root/tmp/old.deb"
  cp "$new" "$1/root/tmp/new.deb"
  cp "$module" "$1/root/tmp/hello.so"
  cp "$load" "$1/root/tmp/upgrade_load.py"
}
nothing() { :; }
export -f in_the_copy put_files nothing
export old new module load
in_a_copy put_files in_the_copy nothing
