#!/usr/bin/env bash
# Proves that the build referees the layers: a small project that uses the module function builds as it is, and stops
# building under each way of breaking a rule, for the reason that the rule gives.
set -euo pipefail
source_dir=$(cd "$(dirname "$0")/.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Two modules: `upper` may use `lower`; `other` is declared by neither.
lay_out() {
  rm -rf "$scratch/project"
  mkdir -p "$scratch/project/"{lower,other,upper}/include/{lower,other,upper}
  cd "$scratch/project"
  cat >CMakeLists.txt <<CMAKE
cmake_minimum_required(VERSION 3.25)
project(layers LANGUAGES CXX)
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(ISOBAR_CHECKS ON)
add_library(isobar_flags INTERFACE)
include($source_dir/cmake/isobar_module.cmake)
add_subdirectory(other)
add_subdirectory(lower)
add_subdirectory(upper)
CMAKE
  echo 'isobar_module(other)' >other/CMakeLists.txt
  echo 'isobar_module(lower)' >lower/CMakeLists.txt
  echo 'isobar_module(upper DEPENDS lower)' >upper/CMakeLists.txt
  printf '#pragma once\nint other();\n' >other/include/other/other.h
  printf '#include "other/other.h"\nint other() { return 1; }\n' >other/other.cpp
  printf '#pragma once\n#include <string>\nstd::string lower();\n' >lower/include/lower/lower.h
  printf '#pragma once\nint secret();\n' >lower/secret.h
  printf '#include "lower/lower.h"\n#include "secret.h"\nint secret() { return 2; }\nstd::string lower() { return "x"; }\n' >lower/lower.cpp
  printf '#pragma once\nint upper();\n' >upper/include/upper/upper.h
  printf '#include "upper/upper.h"\n#include "lower/lower.h"\nint upper() { return (int)lower().size(); }\n' >upper/upper.cpp
}

build() { cmake -G Ninja -S . -B build -DCMAKE_CXX_COMPILER_WORKS=1 >"$scratch/log" 2>&1 && ninja -C build -j 1 >>"$scratch/log" 2>&1; }

passed=0
expect_refusal() { # name, what the log must say
  if build; then
    echo "FAILED: $1 was not refused"
    exit 1
  fi
  if ! grep -qE "$2" "$scratch/log"; then
    echo "FAILED: $1 was refused, but not because of it:"
    tail -n 20 "$scratch/log"
    exit 1
  fi
  echo "refused: $1"
  passed=$((passed + 1))
}

lay_out
build || { echo "FAILED: the sound project does not build"; cat "$scratch/log"; exit 1; }
echo "builds: the sound project"

lay_out
sed -i '1i #include "other/other.h"' upper/upper.cpp
expect_refusal "an undeclared include" 'other/other.h: No such file'

lay_out
sed -i '1i #include "secret.h"' upper/upper.cpp
expect_refusal "a private header of another module" 'secret.h: No such file'

lay_out
sed -i '1i #include "../lower/secret.h"' upper/upper.cpp
expect_refusal "an include that climbs out of its folder" 'climbs out of its folder'

lay_out
printf 'int other();\nint upper_too() { return other(); }\n' >upper/smuggle.cpp
expect_refusal "an undeclared link" 'undefined.*other\(\)'

lay_out
printf '#pragma once\ninline std::vector<int> wide() { return {}; }\n' >upper/include/upper/wide.h
expect_refusal "a header that is not self-contained" "vector.*(not declared|does not name|not a member)|'vector' in namespace|‘vector’"

lay_out
sed -i 's/lower)/lower other_way)/' upper/CMakeLists.txt
expect_refusal "a dependency that is not there, or not below" 'is not declared before it'

echo "$passed passed, 0 failed"
