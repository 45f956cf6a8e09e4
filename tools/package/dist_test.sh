#!/bin/bash
# Unpacks the release in another place and tests its files, its configuration, a module, and starting and stopping the
# server.
set -euo pipefail

archive=$1
version=$2

fail() {
  echo "FAILED: $1"
  [[ ! -f $TEST_TMPDIR/log ]] || cat "$TEST_TMPDIR/log"
  exit 1
}

# Runs the rest of its arguments until they succeed, for at most 20 s.
wait_until() {
  local what=$1 deadline=$((SECONDS + 20))
  shift
  until "$@"; do
    ((SECONDS < deadline)) || fail "waited 20 s for: $what"
    sleep 0.05
  done
}

test_files() {
  local expected
  expected=$(printf "preforkd-$version/%s\n" bin/preforkctl bin/preforkd bin/preforkd-new-service etc/preforkd.toml \
    lib/systemd/system/preforkd.service lib/systemd/system/preforkd.socket sbin/preforkd \
    share/bash-completion/completions/preforkctl share/bash-completion/completions/preforkd \
    share/doc/preforkd/CHANGELOG share/doc/preforkd/README.md share/doc/preforkd/copyright share/doc/preforkd/how-it-works.md \
    share/doc/preforkd/modules.md share/doc/preforkd/operating.md share/doc/preforkd/reference.md \
    share/man/man1/preforkctl.1.gz share/man/man1/preforkd-new-service.1.gz \
    share/man/man5/preforkd.toml.5.gz share/man/man8/preforkd.8.gz \
    share/preforkd/certbot-hook share/preforkd/haproxy-tls.cfg share/preforkd/haproxy.cfg \
    share/preforkd/kubernetes/{configmap,deployment}.yaml \
    share/preforkd/kubernetes/monitoring/{horizontalpodautoscaler,prometheus-adapter,prometheusrule,servicemonitor}.yaml \
    share/preforkd/kubernetes/{poddisruptionbudget,service}.yaml \
    share/preforkd/preforkd-alerts.yml share/preforkd/preforkd-grafana.json \
    share/preforkd/service_template/{BUILD.bazel,Makefile,README.md,WORKSPACE,drop-in.conf}.in \
    share/preforkd/service_template/{handler.cc,handler_test.cc,service.toml}.in)
  [[ $(tar -tzf "$archive" | grep -v -e '/$' -e /include/preforkd/) == "$expected" ]] ||
    fail "the files are $(tar -tzf "$archive")"
  [[ -f include/preforkd/module.h && -f include/preforkd/testing.hpp ]] || fail "headers of modules are missing"
  [[ -z $(tar --numeric-owner -tvzf "$archive" | grep -v ' 0/0 .* 1970-01-01 ') ]] ||
    fail "a file has an owner or a time"
  ! grep -n '@' <(grep -v '^#' lib/systemd/system/preforkd.service | grep -v '^SystemCallFilter=') ||
    fail "the unit has an unfilled @name@"
}

test_versions() {
  [[ $(sbin/preforkd --version) == "preforkd $version" ]] || fail "preforkd is of another version"
  [[ $(bin/preforkctl version) == "preforkctl $version" ]] || fail "preforkctl is of another version"
}

test_configuration() {
  [[ $(sbin/preforkd --check -c etc/preforkd.toml) == "configuration ok" ]] || fail "the configuration is wrong"
  # The commented-out lines show defaults: the keys must exist. The root must name a folder, the certificate files.
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj /CN=site \
    -keyout "$TEST_TMPDIR/site.key" -out "$TEST_TMPDIR/site.pem" 2>"$TEST_TMPDIR/log" || fail "openssl req"
  sed -E "s/^#(\\[\\[|[a-z_]+ = )/\\1/; s|\"/srv/www\"|\"/tmp\"|; s|/etc/preforkd/tls|$TEST_TMPDIR|" etc/preforkd.toml \
    >"$TEST_TMPDIR/all.toml"
  [[ $(sbin/preforkd --check -c "$TEST_TMPDIR/all.toml") == "configuration ok" ]] ||
    fail "a line of the configuration that is commented out is wrong"
}

# g++ looks into /usr/local/include by itself; this is another place.
test_a_module() {
  bin/preforkd-new-service shop "$TEST_TMPDIR/shop" >/dev/null ||
    fail "preforkd-new-service"
  CPLUS_INCLUDE_PATH=$PWD/include make -s -C "$TEST_TMPDIR/shop" || fail "a new service does not build"
  grep -qx "PREFORKD = $PWD/sbin/preforkd" "$TEST_TMPDIR/shop/Makefile" || fail "the Makefile runs another preforkd"
  [[ $(sbin/preforkd --try "$TEST_TMPDIR/shop/shop.so" GET '/hello?name=Ada' 2>"$TEST_TMPDIR/log") == "hello Ada" ]] ||
    fail "a new service does not answer"
}

serves_or_has_ended() {
  grep -q ' event=serving' "$TEST_TMPDIR/log" || ! kill -0 "$1"
}

# The server with the shipped configuration, except for what a second server on this machine would collide with.
# The path of the socket is relative: that of a sandbox is longer than a socket's path may be.
test_start_and_stop() {
  sbin/preforkd -c etc/preforkd.toml --listen 127.0.0.1:0 --control control.sock 2>"$TEST_TMPDIR/log" &
  local server=$! status=0
  trap 'kill -KILL $server 2>/dev/null || true' EXIT
  wait_until "the server to serve" serves_or_has_ended "$server"
  kill -TERM "$server" || fail "the server ended by itself"
  wait "$server" || status=$?
  trap - EXIT
  ((status == 0)) || fail "stopped with status $status"
}

archive=$PWD/$archive
cd "$TEST_TMPDIR"
tar -xzf "$archive"
cd "preforkd-$version"
test_files
test_versions
test_configuration
test_a_module
test_start_and_stop
