#!/bin/bash
# What tools/new-service makes is built and passes its own test; what it must not overwrite, it leaves.
set -euo pipefail

# Follows the link of this file into the source tree: the script finds its templates and headers beside itself.
tree=$(dirname "$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")")
folder=$(mktemp -d "${TEST_TMPDIR:-/tmp}/new-service-XXXXXX")
trap 'rm -rf "$folder"' EXIT

fail() {
  echo "$1" >&2
  exit 1
}

"$tree/tools/new-service" shop_2 "$folder/shop"
make -C "$folder/shop" CXXFLAGS='-std=c++20 -Wall -Wextra -Werror' test
grep -q "path = \"$folder/shop/shop_2.so\"" "$folder/shop/shop_2.toml" || fail "the configuration names another module"
if grep -rlE '@(NAME|FOLDER|PREFORKD)@' "$folder/shop"; then fail "a template was not filled in"; fi

# As the package installs it: templates in ../share/preforkd, no headers of its own.
mkdir -p "$folder/usr/bin" "$folder/usr/share/preforkd"
cp "$tree/tools/new-service" "$folder/usr/bin/preforkd-new-service"
cp -r "$tree/tools/service_template" "$folder/usr/share/preforkd/"
"$folder/usr/bin/preforkd-new-service" shop "$folder/installed"
[[ ! -e $folder/installed/include ]] || fail "it copied headers that are installed"

if "$tree/tools/new-service" shop "$folder/shop" 2>/dev/null; then fail "it wrote into a folder that is not empty"; fi
for name in Shop 2shop 'a b' '' ../x "$(printf 'a%.0s' {1..40})"; do
  if "$tree/tools/new-service" "$name" "$folder/x" 2>/dev/null; then fail "it took the name '$name'"; fi
done
[[ ! -e $folder/x ]] || fail "it made a folder for a wrong name"
