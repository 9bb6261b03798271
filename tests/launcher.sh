#!/usr/bin/env bash
# Proves the launcher: that it finds its build from anywhere, passes arguments on unchanged, costs a few milliseconds,
# builds when the sources are others than those that were built, and says what to install where it may not. Needs a built
# release, whose programs it borrows; nothing is compiled and nothing installed.
# shellcheck disable=SC2016  # What stands in single quotes is for the stand-ins to expand.
set -euo pipefail
source_dir=$(cd "$(dirname "$0")/.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
source "$source_dir/tests/claims.sh"

clone=$scratch/clone
git clone -q "$source_dir" "$clone"
release=$clone/build/release
mkdir -p "$release/bin"
cp "$source_dir/build/release/bin/isobar" "$source_dir/build/release/bin/isobar-node" "$release/bin/"
git -C "$clone" rev-parse HEAD >"$release/built-from"
version=$("$release/bin/isobar" --version)

prints_the_version() { [ "$("$@" --version)" = "$version" ]; }
claim "it hands over to the built program" prints_the_version "$clone/isobar"

ln -s "$clone/isobar" "$scratch/absolute"
mkdir "$scratch/links"
ln -s ../clone/isobar "$scratch/links/relative"
ln -s relative "$scratch/links/chained"
claim "it works through an absolute link" prints_the_version "$scratch/absolute"
claim "it works through a relative link" prints_the_version "$scratch/links/relative"
claim "it works through a chain of links" prints_the_version "$scratch/links/chained"

from() { (cd "$1" && shift && prints_the_version "$@"); }
claim "it works from another folder" from / "$clone/isobar"
claim "it works by a relative path" from "$scratch/links" ../clone/isobar
claim "it works by its bare name on PATH" prints_the_version env PATH="$scratch/links:$PATH" relative
claim "it works with sh, as its first line says" prints_the_version sh "$clone/isobar"

# ---- arguments: a stand-in for the program shows what it is given, and its exit code comes back.
keep=$scratch/program
mv "$release/bin/isobar" "$keep"
printf '#!/bin/sh\nfor word; do printf "<%%s>" "$word"; done\nexit 42\n' >"$release/bin/isobar"
chmod +x "$release/bin/isobar"
passes_arguments() {
  local shown code=0
  shown=$("$clone/isobar" exec 'my cluster' 'echo "a  b" $HOME *' '' -- --x='y z') || code=$?
  [ "$shown" = '<exec><my cluster><echo "a  b" $HOME *><><--><--x=y z>' ] && [ "$code" -eq 42 ]
}
claim "arguments and the exit code pass through unchanged" passes_arguments
mv "$keep" "$release/bin/isobar"

# ---- the cost: the median of many starts, with and without.
median_us() {
  for _ in $(seq 41); do
    local began=${EPOCHREALTIME/./}
    "$@" >/dev/null
    echo $((${EPOCHREALTIME/./} - began))
  done | sort -n | sed -n 21p
}
costs_little() {
  local with without
  with=$(median_us "$clone/isobar" --version)
  without=$(median_us "$release/bin/isobar" --version)
  echo "$with µs with the launcher, $without µs without"
  [ $((with - without)) -lt 10000 ]
}
claim "it adds a few milliseconds" costs_little

# ---- when to build: a stand-in for ./dev records what it is asked, and marks the build as the real one does.
cp "$clone/dev" "$scratch/dev"
cat >"$clone/dev" <<'DEV'
#!/bin/sh
here=$(dirname "$0")
echo "$*" >>"$here/asked"
echo "built by the stand-in"
[ -z "$FAIL_TO_BUILD" ] || exit 3
echo "$2" >"$here/build/release/built-from"
DEV
asked() { [ "$(cat "$clone/asked" 2>/dev/null)" = "$1" ]; }
runs_without_build() { rm -f "$clone/asked" && prints_the_version "$clone/isobar" && asked ''; }
commit() { git -C "$clone" -c user.name=t -c user.email=t@example.invalid commit -q --allow-empty -m "$1"; }
builds() { rm -f "$clone/asked" && prints_the_version "$clone/isobar" && asked "bootstrap $(git -C "$clone" rev-parse HEAD)"; }

claim "a build of these sources is run as it is" runs_without_build
commit "another"
claim "a new commit is built, and what building prints stays out of the output" builds
claim "once" runs_without_build
git -C "$clone" checkout -q --detach HEAD~1
claim "another commit that is checked out is built" builds
claim "once, too" runs_without_build
git -C "$clone" checkout -q -
rm "$release/built-from"
claim "a build that was cut short is taken up again" builds
commit "one that does not build"
does_not_run() {
  local code=0 shown
  shown=$(FAIL_TO_BUILD=1 "$clone/isobar" --version 2>/dev/null) || code=$?
  [ "$code" -eq 3 ] && [ -z "$shown" ]
}
claim "what does not build is not run" does_not_run
builds_unversioned() { rm -f "$clone/asked" && prints_the_version "$clone/isobar" && asked "bootstrap unversioned"; }
mv "$clone/.git" "$scratch/git"
claim "sources without a repository are built" builds_unversioned
claim "once, as well" runs_without_build
mv "$scratch/git" "$clone/.git"

# ---- packages that are missing: tools on PATH that say so, for an ordinary user without sudo.
mv "$scratch/dev" "$clone/dev"
mkdir "$scratch/tools"
for tool in bash sh dirname readlink awk grep mkdir flock cat printf; do ln -s "$(command -v "$tool")" "$scratch/tools/$tool"; done
printf '#!/bin/sh\n[ "$1" = -u ] && echo 1000\n' >"$scratch/tools/id"
# Of what is asked for all is installed but libsqlite3-dev and mold, which it never heard of; then it fails as the real one does.
cat >"$scratch/tools/dpkg-query" <<'QUERY'
#!/bin/sh
shift 3
code=0
for package; do
  case $package in libsqlite3-dev | mold) code=1 ;; *) echo "ii  $package" ;; esac
done
exit $code
QUERY
chmod +x "$scratch/tools/id" "$scratch/tools/dpkg-query"
names_the_command() {
  local said code=0
  said=$(PATH=$scratch/tools "$clone/isobar" --version 2>&1) || code=$?
  [ "$code" -ne 0 ] && grep -qE 'apt-get install -y --no-install-recommends mold libsqlite3-dev$' <<<"$said"
}
claim "an ordinary user without sudo is told the exact apt-get command" names_the_command

claims_end
