#!/usr/bin/env bash
# tests/aarch64.sh [pytest's arguments]: the kernels compiled for aarch64 and their tests, in QEMU, on Debian or Ubuntu on
# x86-64. It needs the packages qemu-user gcc-aarch64-linux-gnu mmdebstrap, and meson, ninja and Cython as for a build.
# Everything lies in build-aarch64/. Takes half an hour on two cores.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD/build-aarch64/root site=$PWD/build-aarch64/site
libraries=$root/usr/lib/aarch64-linux-gnu

if [ ! -e "$root/python" ]; then
  rm -rf "$root" && mkdir -p "$root"
  mmdebstrap --variant=extract --architectures=arm64 "${DEBIAN:-trixie}" "$root" \
    --include=python3,python3-numpy,python3-scipy,python3-mpmath,python3-pytest,python3-hypothesis,libpython3-dev,libc6-dev
  ln -sfn usr/lib "$root/lib"
  for name in blas lapack; do ln -sf "$name/lib$name.so.3" "$libraries/lib$name.so.3"; done
  modules=$root/usr/lib/python3/dist-packages
  python3 -m pip install --quiet --no-deps --target "$modules" --only-binary=:all: --python-version 313 \
    --platform manylinux_2_28_aarch64 --platform manylinux_2_27_aarch64 ml_dtypes
  cat >"$root/python" <<END
#!/bin/sh
PYTHONPATH="\$PYTHONPATH:$modules" exec qemu-aarch64 -L "$root" "$root/usr/bin/python3" "\$@"
END
  chmod +x "$root/python"
fi

cat >build-aarch64/cross.ini <<END
[binaries]
c = 'aarch64-linux-gnu-gcc'
ar = 'aarch64-linux-gnu-gcc-ar'
strip = 'aarch64-linux-gnu-strip'
python = '$root/python'
exe_wrapper = ['qemu-aarch64', '-L', '$root']
[host_machine]
system = 'linux'
cpu_family = 'aarch64'
cpu = 'armv8-a'
endian = 'little'
[built-in options]
c_args = ['-I$root/usr/include']
END
[ -e build-aarch64/objects/build.ninja ] || meson setup build-aarch64/objects --cross-file build-aarch64/cross.ini \
  --buildtype release --prefix "$site" -Dpython.install_env=prefix
meson install -C build-aarch64/objects
PYTHONPATH=$(dirname "$(find "$site" -type d -name fastnn | head -1)") \
  "$root/python" -m pytest -p no:cacheprovider "${@:-tests/kernels}"
