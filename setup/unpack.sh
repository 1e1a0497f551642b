#!/usr/bin/env bash
# Unpacks the bundle that lies beside this file, and sets it up: no network is asked, and neither Node nor Python is needed.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
target=${1:-freekd}
fail() { echo "unpack.sh: $1" >&2; exit 1; }

if [ $# -gt 1 ] || [ "${1-}" = -h ] || [ "${1-}" = --help ]; then
  echo "Usage: bash unpack.sh [FOLDER]      (a new or empty folder, $target where none is named)"
  exit 0
fi
[ "$(uname -s)-$(uname -m)" = "@SYSTEM@" ] || fail "this bundle is for @SYSTEM@, this machine is $(uname -s)-$(uname -m)"
for tool in tar sha256sum; do command -v $tool > /dev/null || fail "$tool is needed, and not found"; done
if command -v xz > /dev/null; then
  expand() { xz --decompress --stdout; }
elif command -v python3 > /dev/null; then
  expand() { python3 -c 'import lzma, shutil, sys; shutil.copyfileobj(lzma.open(sys.stdin.buffer), sys.stdout.buffer, 1 << 20)'; }
else
  fail "xz is needed, or python3 in its place; neither is found"
fi
[ ! -e "$target" ] || [ -z "$(ls -A "$target")" ] || fail "$target is not empty: name a new folder"
mkdir -p "$target"
target=$(cd "$target" && pwd)
free=$(df -Pk "$target" | awk 'NR == 2 { print $4 }')
[ "$free" -ge @KILOBYTES@ ] || fail "@KILOBYTES@ kB of disk space are needed in $target, there are $free"

echo "Checking the parts ..."
(cd "$here" && sha256sum --check --quiet SHA256SUMS) || fail "a part is damaged or missing: copy it once more"
echo "Unpacking into $target ..."
cat "$here"/freekd.tar.xz* | expand | tar --extract --ignore-zeros --no-same-owner --directory "$target"

export PATH="$target/.runtime/node/bin:$PATH"
cd "$target"
npm run --silent setup
echo
echo "Begin with:"
echo "  cd $target && export PATH=\"\$PWD/.runtime/node/bin:\$PATH\""
echo "  npm run doctor"
echo "  npm run reproduce -- --smoke"
