#!/bin/sh
# Compiles saying.c for both architectures into bin/. Debian: apt-get install gcc gcc-aarch64-linux-gnu
# The results are committed, so nobody needs a compiler to try the example. No build id, no symbols, no paths, no dates: the same
# compiler makes the same bytes anywhere.
set -eu
cd "$(dirname "$0")"
mkdir -p ../bin
flags="-std=c11 -Os -Wall -Wextra -Werror -ffreestanding -fno-builtin -fno-stack-protector -fno-pie -fno-asynchronous-unwind-tables
  -fno-ident -ffile-prefix-map=$PWD=. -nostdlib -static -no-pie
  -Wl,--build-id=none -Wl,-z,noexecstack -Wl,-z,noseparate-code -Wl,-z,max-page-size=65536 -Wl,--gc-sections -s"

# shellcheck disable=SC2086 # The flags are words.
"${CC_X86_64:-x86_64-linux-gnu-gcc}" $flags -fcf-protection=none -o ../bin/saying.x86_64 saying.c
# shellcheck disable=SC2086
"${CC_AARCH64:-aarch64-linux-gnu-gcc}" $flags -o ../bin/saying.aarch64 saying.c
chmod 755 ../bin/saying.x86_64 ../bin/saying.aarch64
