"""Fetch the browser modules of api/ui/vendor again with npm, and check that they are what vendor/README lists.

Run by `make vendor` on a machine with npm; nothing else needs node. With `--write`, files that differ are taken as the
new ones: the table of vendor/README then gets their hashes.
"""

import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

VENDOR = Path(__file__).parents[1] / "api/ui/vendor"
# file, package, version, path in the package, licence, sha256 of the file as it lies here
_LINE = re.compile(r"^(\S+\.js) +(\S+) +(\d[\w.-]*) +(\S+) +(\S+) +([0-9a-f]{64}|-)$", re.MULTILINE)
_SOURCE_MAP = re.compile(rb"\n?//# sourceMappingURL=\S*\s*$")


def main(write: bool) -> int:
    """Fetch, compare, and say what differs; the number of files that do."""
    readme = (VENDOR / "README").read_text("utf-8")
    different = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, package, version, path, _, expected in _LINE.findall(readme):
            content, licence = _fetch(f"{package}@{version}", path, Path(folder))
            found = hashlib.sha256(content).hexdigest()
            if found == expected:
                (VENDOR / name).write_bytes(content)
                print(f"{name}: as listed")
                continue
            different += 1
            print(f"{name}: {found}, listed is {expected}")
            if write:
                (VENDOR / name).write_bytes(content)
                (VENDOR / f"LICENSE-{package.strip('@').replace('/', '-')}").write_bytes(licence)
                readme = re.sub(rf"^({re.escape(name)} .* )(\S+)$", rf"\g<1>{found}", readme, flags=re.MULTILINE)
    if write:
        (VENDOR / "README").write_text(readme, "utf-8")
    return 0 if write else different


def _fetch(package: str, path: str, folder: Path) -> tuple[bytes, bytes]:
    """A file of a published package without its reference to a source map, and the package's licence."""
    command = ["npm", "pack", "--json", "--pack-destination", str(folder), package]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=folder)
    with tarfile.open(folder / json.loads(answer.stdout)[0]["filename"]) as archive:
        members = [archive.extractfile(f"package/{name}") for name in (path, "LICENSE")]
        content, licence = (member.read() if member else b"" for member in members)
    return _SOURCE_MAP.sub(b"\n", content), licence


if __name__ == "__main__":
    sys.exit(min(1, main("--write" in sys.argv[1:])))
