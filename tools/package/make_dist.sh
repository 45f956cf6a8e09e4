#!/bin/bash
# Packs the release. Called by the rule :dist only, which names every file; see there.
set -euo pipefail

declare -A option
for argument in "$@"; do
  argument=${argument#--}
  option[${argument%%=*}]=${argument#*=}
done

version=${option[version]}
if ! grep -qF "kVersion = \"$version\"" "${option[version-header]}"; then
  echo "version.bzl says $version, ${option[version-header]} does not" >&2
  exit 1
fi

# Where the files will be: the unit names them.
prefix=/usr/local

staging=$(mktemp -d)
trap 'rm -rf "$staging"' EXIT
top=$staging/preforkd-$version

install -D -m 755 "${option[preforkd]}" "$top/sbin/preforkd"
install -D -m 755 "${option[preforkctl]}" "$top/bin/preforkctl"
install -D -m 644 "${option[config]}" "$top/etc/preforkd.toml"
install -D -m 644 "${option[completion]}" "$top/share/bash-completion/completions/preforkctl"
install -D -m 644 "${option[alerts]}" "$top/share/preforkd/preforkd-alerts.yml"
install -D -m 644 "${option[board]}" "$top/share/preforkd/preforkd-grafana.json"
install -D -m 644 "${option[readme]}" "$top/share/doc/preforkd/README.md"
install -d "$top/lib/systemd/system"
sed -e "s|@sbindir@|$prefix/sbin|g" -e "s|@bindir@|$prefix/bin|g" -e "s|@sysconfdir@|$prefix/etc|g" "${option[unit]}" \
  >"$top/lib/systemd/system/preforkd.service"
chmod -R u=rwX,go=rX "$top"  # whatever the umask is

# gzip -n: no name and no time in its header.
LC_ALL=C tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --format=gnu \
  -C "$staging" -cf - "preforkd-$version" | gzip -9n >"${option[out]}"
