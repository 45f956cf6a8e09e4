#!/bin/bash
# Installs the Debian package on a copy of this machine and serves a certificate as certbot leaves it, with the
# privileges of the unit: only the master can open the key, workers have no privilege, and the hook for renewals puts a
# new certificate into service, or says why it does not.
set -euo pipefail

deb=$PWD/$1

source "$(dirname "${BASH_SOURCE[0]}")/copy_of_machine.sh"
need_a_copy

# Runs inside the copy.
in_the_copy() {
  lineage=/etc/letsencrypt/live/site.test
  hook=/etc/letsencrypt/renewal-hooks/deploy/preforkd

  fail() {
    echo "FAILED: $1"
    cat /tmp/server.log /tmp/said 2>/dev/null || true
    exit 1
  }

  # A certificate as certbot leaves it: folders and key are root's. $1: its number.
  issue() {
    (umask 077 && mkdir -p "/etc/letsencrypt/archive/site.test" "$lineage")
    local folder=/etc/letsencrypt/archive/site.test
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj /CN=site.test \
      -addext subjectAltName=DNS:site.test -keyout "$folder/privkey$1.pem" -out "$folder/cert$1.pem" 2>/tmp/said ||
      fail "openssl req"
    cp "$folder/cert$1.pem" "$folder/fullchain$1.pem"
    local part
    for part in cert fullchain privkey; do ln -sf "../../archive/site.test/$part$1.pem" "$lineage/$part.pem"; done
  }
  # The value of that line of the unit for setpriv: CAP_A CAP_B becomes -all,+a,+b.
  capabilities() {
    sed -n "s/^$1=/ /p" /lib/systemd/system/preforkd.service | sed 's/ CAP_/,+/g; s/^/-all/; s/.*/\L&/'
  }
  get() { curl -sS --cacert "$lineage/cert.pem" --resolve site.test:443:127.0.0.1 --resolve site.test:80:127.0.0.1 "$@"; }
  answers() { get -o /dev/null https://site.test/ 2>/dev/null; }
  generation() { preforkctl --json status | python3 -c 'import json, sys; print(json.load(sys.stdin)["generation"])'; }
  # With the status and what it said, in /tmp/said.
  renewed() {
    local status=0
    RENEWED_LINEAGE=$1 RENEWED_DOMAINS=site.test "$hook" >/tmp/said 2>&1 || status=$?
    ((status == $2)) || fail "the hook ended with $status, not $2"
  }
  privileges_of() { sed -n 's/^CapPrm:\t0*//p' "/proc/$1/status"; }

  loopback_up
  rm -f /usr/sbin/policy-rc.d
  DEBIAN_FRONTEND=noninteractive dpkg -i /tmp/package.deb >/tmp/said 2>&1 || fail "dpkg -i"
  # Runs a command as the unit does.
  as_the_unit=(setpriv --reuid=preforkd --regid=preforkd --clear-groups --no-new-privs
    --inh-caps="$(capabilities AmbientCapabilities)" --ambient-caps="$(capabilities AmbientCapabilities)"
    --bounding-set="$(capabilities CapabilityBoundingSet)")
  issue 1
  mkdir -p /srv/www "${hook%/*}"
  echo "the page" >/srv/www/index.html
  cat >/etc/preforkd/preforkd.toml <<TOML
workers = 2
[[listen]]
address = "127.0.0.1:443"
service = "site"
tls = true
[[listen]]
address = "127.0.0.1:80"
service = "site"
[[tls.certificate]]
chain = "$lineage/fullchain.pem"
key = "$lineage/privkey.pem"
[service.site]
type = "http"
root = "/srv/www"
redirect_to_https = 443
hsts = "1h"
TOML

  # Without the privilege the check names the file; with it there is nothing to say. No other can read the key.
  ! setpriv --reuid=preforkd --regid=preforkd --clear-groups --no-new-privs --bounding-set=-all \
    preforkd --check -c /etc/preforkd/preforkd.toml >/tmp/said 2>&1 || fail "the key was readable without a privilege"
  grep -q "^/etc/preforkd/preforkd.toml:10:1: tls.certificate.chain: open $lineage/fullchain.pem: Permission denied" \
    /tmp/said || fail "the check does not say which file it cannot open"
  "${as_the_unit[@]}" preforkd --check -c /etc/preforkd/preforkd.toml >/tmp/said 2>&1 || fail "the check as the unit makes it"

  install -d -o preforkd -g preforkd /run/preforkd /var/log/preforkd
  "${as_the_unit[@]}" /usr/sbin/preforkd -c /etc/preforkd/preforkd.toml 2>>/tmp/server.log &
  server=$!
  wait_until "the server to serve" answers
  [[ $(privileges_of "$server") == 404 ]] || fail "the master has the privileges $(privileges_of "$server")"
  local worker
  for worker in $(pgrep -P "$server"); do
    [[ -z $(privileges_of "$worker") ]] || fail "worker $worker has the privileges $(privileges_of "$worker")"
    [[ $(stat -c %U "/proc/$worker/mem") == root ]] || fail "worker $worker can be read by others of its user"
  done
  (($(pgrep -P "$server" | wc -l) == 4)) || fail "there are not two workers and two gates"

  [[ $(get https://site.test/) == "the page" ]] || fail "no page over TLS"
  [[ $(get -L http://site.test/) == "the page" ]] || fail "a plain request does not find the way"
  get -sI https://site.test/ | grep -qi '^strict-transport-security: max-age=3600' || fail "no HSTS"

  # A renewed certificate, one whose key does not fit, and one that the configuration does not name.
  install -m 755 /usr/share/preforkd/certbot-hook "$hook"
  issue 2
  ! answers || fail "the server did not keep to the certificate that was checked"
  renewed "$lineage" 0
  [[ $(cat /tmp/said) == "preforkd serves the renewed certificate of $lineage" ]] || fail "the hook says something else"
  [[ $(generation) == 2 ]] || fail "the hook did not reload once"
  answers || fail "the renewed certificate is not in service"
  issue 3
  ln -sf ../../archive/site.test/privkey1.pem "$lineage/privkey.pem"
  renewed "$lineage" 1
  grep -q "^/etc/preforkd/preforkd.toml:11:1: tls.certificate.key: .*: is not the key of certificate 1 of " /tmp/said ||
    fail "the hook does not say what is wrong"
  [[ $(tail -n 1 /tmp/said) == "preforkd: the certificate of $lineage was renewed, but the server goes on"* ]] ||
    fail "the hook does not say what follows from it"
  [[ $(generation) == 2 ]] || fail "a refused reload made a generation"
  ln -sf ../../archive/site.test/fullchain2.pem "$lineage/fullchain.pem"
  ln -sf ../../archive/site.test/privkey2.pem "$lineage/privkey.pem"
  renewed "$lineage" 1
  grep -q "is not in service" /tmp/said || fail "the hook does not see that another certificate is served"
  renewed /etc/letsencrypt/live/other.test 0
  [[ ! -s /tmp/said && $(generation) == 3 ]] || fail "the hook reloads for a certificate that is not in use"

  kill -TERM "$server"
  wait "$server" || fail "stopped with another status than 0"
  renewed "$lineage" 0
  grep -q "preforkd does not run" /tmp/said || fail "the hook does not say that the server does not run"
}

put_package() { cp "$deb" "$1/root/tmp/package.deb"; }
nothing() { :; }
export -f in_the_copy put_package nothing
export deb
in_a_copy put_package in_the_copy nothing
