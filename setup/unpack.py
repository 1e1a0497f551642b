"""Unpack the members of a wheel that match any of the given patterns.

python unpack.py WHEEL FOLDER PATTERN...     (patterns of fnmatch, a leading "!" excludes)

Streams: TensorFlow's library is 790 MB. zipfile checks the checksum of each member.
"""

import fnmatch
import os
import shutil
import sys
import zipfile


def wanted(name, patterns):
    chosen = any(fnmatch.fnmatch(name, p) for p in patterns if not p.startswith("!"))
    return chosen and not any(fnmatch.fnmatch(name, p[1:]) for p in patterns if p.startswith("!"))


def main(wheel, folder, *patterns):
    count = 0
    base = os.path.realpath(folder)
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            if member.is_dir() or not wanted(member.filename, patterns):
                continue
            target = os.path.realpath(os.path.join(base, member.filename))
            if not target.startswith(base + os.sep):
                sys.exit(f"{wheel}: {member.filename} points outside the archive")
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with archive.open(member) as source, open(target, "wb") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)
            if member.external_attr >> 16 & 0o111:
                os.chmod(target, 0o755)
            count += 1
    if count == 0:
        sys.exit(f"{wheel} holds nothing that matches {' '.join(patterns)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
