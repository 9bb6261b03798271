#!/usr/bin/env bash
# Proves an installed copy: what `cmake --install` lays out and what the .deb holds runs a task by itself, and its manual
# and completions work in the programs that read them. Needs a built release; ./dev package is run for the .deb.
# shellcheck disable=SC2016  # What stands in single quotes is for the shells that are started to expand.
set -euo pipefail
source_dir=$(cd "$(dirname "$0")/.." && pwd)
scratch=$(mktemp -d)
source "$source_dir/tests/claims.sh"
export ISOBAR_HOME=$scratch/home
prefix=$scratch/prefix
trap 'cleanup' EXIT
cleanup() {
  "$prefix/bin/isobar" down --all --yes >/dev/null 2>&1 || true
  rm -rf "$scratch"
}

cmake --install "$source_dir/build/release" --prefix "$prefix" >"$scratch/install.log"

has_files() { # root
  local file
  for file in bin/isobar libexec/isobar/isobar-node share/man/man1/isobar.1 share/bash-completion/completions/isobar \
    share/zsh/vendor-completions/_isobar share/fish/vendor_completions.d/isobar.fish share/doc/isobar/copyright \
    bin/isobar-cc bin/isobar-c++ lib/isobar/fuzz/libisobar_fuzz_target.a lib/isobar/fuzz/libisobar_fuzz_main.a lib/isobar/fuzz/libisobar_fuzz_noop.a \
    include/isobar/fuzz.h include/isobar/waypoints.h; do
    [ -s "$1/$file" ] || { echo "there is no $file"; return 1; }
  done
}
is_stripped() { # root
  local program
  for program in bin/isobar bin/isobar-cc libexec/isobar/isobar-node; do
    [ -z "$(nm "$1/$program" 2>/dev/null)" ] || { echo "$program has symbols"; return 1; }
  done
}
says_its_version() { [[ $("$1/bin/isobar" --version) =~ ^isobar\ [0-9]+\.[0-9]+\.[0-9]+$ ]]; }
runs_a_task() { # root cluster
  local output
  output=$("$1/bin/isobar" launch --yes --cluster "$2" --infra local 'echo hello-$((40 + 2))') && grep -q hello-42 <<<"$output"
}
takes_it_down() { "$1/bin/isobar" down --yes "$2" && [ "$("$1/bin/isobar" status -o json)" = '[]' ]; }

# With the plugin of a clang that is here, a harness is built and run; without any, isobar-cc says what to install.
compiles_a_target() { # root
  local output
  printf '%s\n' '#include <isobar/fuzz.h>' 'int LLVMFuzzerTestOneInput(const uint8_t* p, size_t n) { return n > 3 && p[0] == 1; }' >"$scratch/target.c"
  if compgen -G "$1/lib/isobar/fuzz/libisobar_fuzz_plugin_*.so" >/dev/null; then
    "$1/bin/isobar-cc" --domains cmp "$scratch/target.c" -o "$scratch/target" && output=$("$scratch/target" "$scratch/target.c" 2>&1) && grep -q Executed <<<"$output"
  else
    ! output=$("$1/bin/isobar-cc" "$scratch/target.c" -o "$scratch/target" 2>&1) && grep -q -e 'fuzz-tools' -e 'apt-get install' <<<"$output"
  fi
}

works_at() { # what root cluster
  claim "$1 has every file" has_files "$2"
  claim "$1: the programs are stripped" is_stripped "$2"
  claim "$1 says its version" says_its_version "$2"
  claim "$1 runs a task on a new cluster" runs_a_task "$2" "$3"
  claim "$1 compiles what is to be fuzzed" compiles_a_target "$2"
  claim "$1 takes the cluster down" takes_it_down "$2" "$3"
}
works_at "an installed copy" "$prefix" installed

# ---- the package.
deb=$("$source_dir/dev" package)
root=$scratch/root
dpkg-deb -x "$deb" "$root"
works_at "the unpacked package" "$root/usr" unpacked

field() { dpkg-deb -f "$deb" "$1"; }
is() { [ "$(field "$1")" = "$2" ] || { field "$1"; return 1; }; }
claim "the package is named isobar" is Package isobar
claim "it names its maintainers" is Maintainer "isobar maintainers <maintainers@isobar.invalid>"
claim "it is in section utils" is Section utils
describes_itself() { [ "$(field Description | wc -l)" -gt 1 ]; }
claim "it describes itself" describes_itself
depends_on_libraries() {
  local library package
  for library in $(ldd "$root/usr/bin/isobar" | awk '$2 == "=>" { print $3 }'); do
    # A library may be registered below /lib or below /usr/lib, which are one folder.
    package=$({ dpkg-query -S "${library#/usr}" || dpkg-query -S "/usr${library#/usr}"; } 2>/dev/null | cut -d: -f1)
    field Depends | grep -qE "(^|, )$package( |,|$)" || { echo "Depends lacks $package of $library: $(field Depends)"; return 1; }
  done
}
claim "it depends on the packages of the libraries that its program loads" depends_on_libraries

# ---- the manual.
manual=$prefix/share/man/man1/isobar.1
renders_without_warnings() {
  local warnings
  MANWIDTH=100 man --warnings -l "$manual" 2>"$scratch/warnings" >"$scratch/manual"
  warnings=$(cat "$scratch/warnings")
  [ -z "$warnings" ] || { echo "$warnings"; return 1; }
}
names_option() { grep -qE -- "$1" "$scratch/manual"; }
if command -v man >/dev/null; then
  claim "the manual renders without a warning" renders_without_warnings
  claim "it names options as they are typed" names_option '^ +-c, --cluster$'
  claim "it names the arguments" names_option '^ +CLUSTER$'
else
  skip "the manual: man is not installed"
fi

# ---- completions. Each shell completes a line, and prints what it offers in alphabetical order.
mkdir -p "$scratch/empty"
cd "$scratch/empty"
export PATH=$prefix/bin:$PATH
bash_offers() { # line
  bash --norc -c 'source "$1"; IFS=" " read -ra COMP_WORDS <<<"$2"; [[ $2 == *" " ]] && COMP_WORDS+=("")
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _isobar; printf "%s\n" "${COMPREPLY[@]}"' - "$prefix/share/bash-completion/completions/isobar" "$1"
}
# The widget's own functions are replaced by ones that print; zsh itself filters by the prefix, and so does this.
zsh_offers() {
  zsh -fc 'compadd() { shift; print -l -- "$@" }; _files() { }
    _describe() { print -l -- ${${(P)@[-1]}%%:*} }
    words=(${(z)2}); [[ $2 == *" " ]] && words+=(""); CURRENT=$#words
    source $1 | grep -e "^${words[CURRENT]}" || true' - "$prefix/share/zsh/vendor-completions/_isobar" "$1"
}
fish_offers() {
  fish --no-config -c 'source $argv[1]; complete -C $argv[2]' "$prefix/share/fish/vendor_completions.d/isobar.fish" "$1" | cut -f 1
}
offers() { # shell line words…
  local shell=$1 line=$2 offered
  shift 2
  offered=$("${shell}_offers" "$line" | sort -u | paste -sd ' ')
  echo "offered: $offered"
  [ "$offered" = "$*" ]
}
completes_in() { # shell
  claim "$1 completes a command" offers "$1" 'isobar la' launch
  claim "$1 completes the commands of a group" offers "$1" 'isobar catalog ' import info
  claim "$1 completes below a group" offers "$1" 'isobar catalog info --o' --output
  claim "$1 completes an option" offers "$1" 'isobar launch --cl' --cluster
  claim "$1 completes what an argument may be" offers "$1" 'isobar completion ' bash fish zsh
  claim "$1 offers nothing where nothing fits" offers "$1" 'isobar launch --nothing-like-it'
  claim "$1 completes the names of clusters" offers "$1" 'isobar down ' one two
}
"$prefix/bin/isobar" launch --yes --cluster one --infra local true >/dev/null 2>&1
"$prefix/bin/isobar" launch --yes --cluster two --infra local true >/dev/null 2>&1
touch task.yaml
claim "the bash completion is right bash" bash -n "$prefix/share/bash-completion/completions/isobar"
completes_in bash
claim "bash completes the value of an option" offers bash 'isobar optimize --minimize ' cost time
claim "bash completes task files" offers bash 'isobar launch ta' task.yaml
claim "bash completes the cluster of launch" offers bash 'isobar launch --cluster t' two
claim "bash completes after options" offers bash 'isobar exec --env A=1 o' one
for shell in zsh fish; do
  if command -v "$shell" >/dev/null; then completes_in "$shell"; else skip "completion in $shell, which is not installed"; fi
done
"$prefix/bin/isobar" down --all --yes >/dev/null 2>&1

claims_end
