#!/bin/bash
# Installs the Debian package on a copy of this machine, and types what README.md tells an author of a module to type,
# as a user without rights: each command must print what the page says. The page is the one that the package brings.
# The copy has no header that neither g++ nor the package brings. Prints the time from the installation to the first
# answer of a handler of one's own, which must be below 60 s.
set -euo pipefail

deb=$PWD/$1
most_seconds=60

source "$(dirname "${BASH_SOURCE[0]}")/copy_of_machine.sh"
need_a_copy

# What libraries of this machine bring for compilers is removed from the copy. What is left: the packages that g++ and
# make need, and those of libraries without their headers.
remove_headers_of_libraries() {
  cp "$deb" "$1/root/tmp/package.deb"
  local packages
  packages=$(dpkg-query -W -f '${Package}\t${Pre-Depends}, ${Depends}\t${Provides}\n' | python3 -c '
import re, sys
needs, provided = {}, {}
for line in sys.stdin:
    name, depends, provides = line.rstrip("\n").split("\t")
    needs[name] = re.findall(r"(?:^|[,|]) *([a-z0-9][a-z0-9+.-]+)", depends)
    for other in re.findall(r"[a-z0-9][a-z0-9+.-]+(?=[^()]*(?:\(|,|$))", provides):
        provided.setdefault(other, []).append(name)
kept, todo = set(), ["g++", "make"]
while todo:
    name = todo.pop()
    if name in needs and name not in kept:
        kept.add(name)
        todo += needs[name]
    elif name not in needs:
        todo += [each for each in provided.get(name, []) if each not in kept]
print("\n".join(name for name in needs if name.endswith("-dev") and name not in kept))')
  [[ -n $packages ]] || { echo "FAILED: this machine has no header to remove"; exit 1; }
  # shellcheck disable=SC2086 # one word for each package
  dpkg -L $packages | grep -E '^/usr/include/.*\.' | (cd "$1/root" && sed 's|^/||' | xargs -d '\n' rm -rf)
}

# Runs inside the copy.
in_the_copy() {
  fail() {
    echo "FAILED: $1"
    cat /tmp/apt.log /tmp/typed.log 2>/dev/null || true
    exit 1
  }

  # The commands of the section of the page, in order, and the lines that each must print, as a script of bash.
  # hello.cc is the quote in the page.
  make_script() {
    zcat /usr/share/doc/preforkd/README.md.gz | python3 -c '
import re, shlex, sys
section = re.search(r"^## Your own code$(.*?)^## ", sys.stdin.read(), re.MULTILINE | re.DOTALL)[1]
open("/tmp/hello.cc", "w").write(re.search(r"^```cpp\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)[1])
for command, answer in re.findall(r"^    \$ (.*)\n((?:    (?!\$ ).*\n)*)", section, re.MULTILINE):
    print("typed", shlex.quote(command), shlex.quote(re.sub(r"^    ", "", answer, flags=re.MULTILINE)))'
  }

  # Typed in the shell itself, so that cd and kill %1 mean what they mean to a user. A user who sees no answer of a
  # server that starts waits, and types curl again.
  typed() {
    echo "\$ $1"
    eval "$1" >/tmp/answer 2>>/tmp/typed.log || fail "$1: status $?"
    cat /tmp/answer
    [[ $1 == *' &' || $(cat /tmp/answer) == "${2%$'\n'}" ]] || fail "$1: the page says: $2"
    [[ $1 != curl* ]] || answers=$((answers + 1))
    [[ $1 != curl* || $answers -gt 1 ]] || touch /tmp/first_answer
    [[ $1 != *'preforkd '*' &' && $1 != 'make run &' ]] || wait_until "$1 to serve" port_is_open
  }
  port_is_open() { (exec 8<>/dev/tcp/127.0.0.1/8090) 2>/dev/null; }
  as_an_author() {
    set -euo pipefail
    cd /tmp
    answers=0
    source /tmp/script
    ((answers == 2)) || fail "the page has $answers commands that ask a server"
    kill %%
    wait
  }
  export -f typed port_is_open as_an_author fail

  loopback_up
  rm -f /usr/sbin/policy-rc.d
  ! echo '#include <nlohmann/json.hpp>' | g++ -fsyntax-only -x c++ - 2>/dev/null || fail "the copy has headers of libraries"
  useradd --create-home author
  local before
  before=$(date +%s%N)
  # There is no network: nothing but the package is missing.
  DEBIAN_FRONTEND=noninteractive apt-get -o Dpkg::Use-Pty=0 install -y /tmp/package.deb >/tmp/apt.log 2>&1 ||
    fail "apt-get install"
  # As systemd does: the server of the package has port 8080 and the default control socket.
  install -d -o preforkd -g preforkd /run/preforkd /var/log/preforkd
  setpriv --reuid=preforkd --regid=preforkd --clear-groups --no-new-privs --bounding-set=-all \
    /usr/sbin/preforkd -c /etc/preforkd/preforkd.toml 2>/tmp/package_server.log &
  make_script >/tmp/script
  grep -q 'preforkd-new-service' /tmp/script || fail "the page does not name preforkd-new-service"
  install -m 666 /dev/null /tmp/typed.log
  chown author /tmp/hello.cc
  # The PATH of a user in Debian.
  HOME=/home/author PATH=/usr/local/bin:/usr/bin:/bin setpriv --reuid=author --regid=author --init-groups \
    bash -c as_an_author || fail "what the page says does not work"
  local milliseconds=$((($(date -r /tmp/first_answer +%s%N) - before) / 1000000))
  echo "from the installation to the answer of a handler of one's own: $milliseconds ms"
  ((milliseconds < most_seconds * 1000)) || fail "more than $most_seconds s"
  kill %1
  wait
}

nothing() { :; }
export -f remove_headers_of_libraries in_the_copy nothing
export deb most_seconds
in_a_copy remove_headers_of_libraries in_the_copy nothing
