#!/usr/bin/env bash
# The source of a Debian package, as its authors published it: downloaded by apt and unpacked into FOLDER/PACKAGE, whose name is printed.
# The package lists are the machine's own, with sources, kept in FOLDER/apt: nothing of the system is changed.
#   debian_source.sh PACKAGE FOLDER
set -euo pipefail
[ $# -eq 2 ] || { echo "debian_source.sh PACKAGE FOLDER" >&2; exit 2; }
package=$1
folder=$(realpath -m "$2")
unpacked=$folder/$package
if [ -f "$unpacked/.complete" ]; then
  echo "$unpacked"
  exit
fi
entries=$folder/apt/entries
mkdir -p "$entries" "$folder/apt/lists/partial"
number=0
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
  [ -f "$file" ] || continue
  number=$((number + 1))
  case $file in
    *.list) sed -n 's/^deb\([[:space:]]\)/deb-src\1/p' "$file" >"$entries/$number.list" ;;
    *.sources) sed 's/^Types:.*/Types: deb-src/' "$file" >"$entries/$number.sources" ;;
  esac
done
apt=(apt-get -qq -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$entries" -o "Dir::State::lists=$folder/apt/lists" -o APT::Sandbox::User=root)
[ -n "$(find "$folder/apt/lists" -name '*_Sources*' -mmin -1440 -print -quit)" ] || "${apt[@]}" update >&2 || echo "not every package list could be had; trying with the others" >&2
rm -rf "$unpacked"
mkdir -p "$unpacked"
(
  cd "$unpacked"
  # Debian's own part may be newer than the mirror has; the authors' is all that is used.
  "${apt[@]}" source --download-only "$package" >&2 || true
  archive=$(find . -maxdepth 1 -name '*.orig.tar.*' ! -name '*.asc' -print -quit)
  [ -n "$archive" ] || { echo "apt has no source of $package" >&2; exit 1; }
  tar -x --strip-components=1 -f "$archive"
)
touch "$unpacked/.complete"
echo "$unpacked"
