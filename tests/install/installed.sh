#!/usr/bin/env bash
# The library as a user gets it, from "meson install": what it exports, how it was built, and programs over it.
# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/../cli/tap.sh"
here=$(dirname "$0") source=$2
build=$3 # a build with the default options; empty: this test makes one

if [ -z "$build" ]; then
    build=$work/build
    run 0 "meson setup without options" meson setup "$build" "$source" -Dtests=false -Dbench=disabled
    run 0 "meson compile" meson compile -C "$build"
fi
run 0 "meson install" env DESTDIR="$work/root" meson install -C "$build" --no-rebuild
export PKG_CONFIG_PATH
PKG_CONFIG_PATH=$(dirname "$(find "$work/root" -name convoy.pc)")
prefix=$work/root$(pkg-config --variable=prefix convoy)
libraries=$work/root$(pkg-config --variable=libdir convoy)
headers=$work/root$(pkg-config --variable=includedir convoy)
shared=$libraries/libconvoy.so

# ---- What it exports: what the header declares, and nothing else.

sed -nE 's/^CVY_API [^(]*\b(cvy_[a-z0-9_]+)\(.*/\1/p' "$headers/convoy.h" | LC_ALL=C sort >"$work/declared"
nm -D --defined-only "$shared" | awk '{print $3}' | LC_ALL=C sort >"$work/exported"
[ "$(wc -l <"$work/declared")" -eq "$(grep -c "^CVY_API" "$headers/convoy.h")" ]
result $? "every declaration of the header is read"
run 0 "the shared library exports them, and nothing else" diff "$work/declared" "$work/exported"

# ---- How it was built.

version=$(pkg-config --modversion convoy)
run 0 "its name" readelf -d "$shared"
says out "SONAME.*\[libconvoy\.so\.${version%.*}\]"
run 0 "the program's version" "$prefix/bin/convoy" --version
says out "^convoy ${version//./\\.}$"

# Debug information names every macro and function, so only what is loaded is looked at.
objcopy --strip-all "$shared" "$work/stripped.so"
run 0 "strings of the shared library" strings -a "$work/stripped.so"
lacks out '__assert_fail|Assertion'
run 0 "symbols of the static library" nm "$libraries/libconvoy.a"
lacks out '__assert_fail'
run 0 "debug information" readelf -S "$shared"
says out '\.debug_info'

for binary in "$prefix/bin/convoy" "$shared"; do
    name=$(basename "$binary")
    if command -v hardening-check >/dev/null; then
        run 0 "$name: hardening-check" hardening-check --nocfprotection "$binary" # C's own start files lack that
        continue
    fi
    run 0 "$name: headers" readelf -hldW "$binary"
    says out 'Type: +DYN'
    says out 'GNU_RELRO'
    says out 'BIND_NOW'
    run 0 "$name: symbols" readelf -sW "$binary"
    says out '__stack_chk_fail'
    says out '__[a-z]+_chk'
done

# ---- Programs over it, in C and C++, with the shared and the static library.

# consumer NAME LIBDIR FLAGS COMPILER...: the program compiles without a warning, and runs.
consumer() {
    local flags=(--define-variable=prefix="$prefix" --define-variable=libdir="$2")
    [ -z "$3" ] || flags+=("$3")
    read -ra flags <<<"$(pkg-config --cflags --libs "${flags[@]}" convoy)"
    run 0 "$1 compiles" "${@:4}" "$here/consumer.c" -x none -Wall -Wextra -pedantic -Werror "${flags[@]}" -o "$work/consumer"
    run 0 "$1 runs" env LD_LIBRARY_PATH="$2" "$work/consumer"
    says out "^convoy ${version//./\\.}: lesson, first phase load, a loss$"
}

mkdir "$work/static" && cp "$libraries/libconvoy.a" "$work/static"
cc=${CC:-cc} cxx=${CXX:-c++}
consumer "C11, shared" "$libraries" "" "$cc" -std=c11
consumer "C17, static" "$work/static" --static "$cc" -std=c17
if command -v "$cxx" >/dev/null; then
    consumer "C++17, shared" "$libraries" "" "$cxx" -std=c++17 -x c++
    consumer "C++17, static" "$work/static" --static "$cxx" -std=c++17 -x c++
else
    skip "C++" "there is no C++ compiler"
fi

# ---- The module for Keras's files, which both find, and neither links.

if [ -e "$libraries/convoy/convoy-hdf5.so" ]; then
    keras=$here/../golden/keras/functional_adam.keras
    run 0 "the program finds the module" "$prefix/bin/convoy" convert "$keras" "$work/x.h5"

    run 0 "the library finds the module" python3 -c '
import ctypes, sys
library = ctypes.CDLL(sys.argv[1])
library.cvy_model_from.restype = ctypes.c_void_p
sys.exit(not library.cvy_model_from(sys.argv[2].encode(), None))' "$shared" "$work/x.h5"
    run 0 "what the library links" readelf -d "$shared"
    lacks out 'libhdf5'
    rm "$libraries/convoy/convoy-hdf5.so"
    run 1 "without the module" "$prefix/bin/convoy" convert "$keras" "$work/x.h5"
    says err 'takes the module convoy-hdf5\.so and Debian.s package libhdf5-103-1: '
else
    skip "Keras's files" "the module convoy-hdf5.so is not built"
fi
finish
