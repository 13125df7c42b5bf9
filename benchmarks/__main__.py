"""Everything that ``make bench`` measures: the engine, the facade's queries, and what is made from a million profiles.

Further benchmarks take pictures or more time; each says how in its first lines: ``scan``, ``outliers``, ``duplicates``, ``evaluate``,
``identities``.
"""

import subprocess
import sys

PARTS = (["benchmarks.engine"], ["benchmarks.tables"], ["benchmarks.api", "tables"])


def main() -> int:
    """Run every benchmark; return the first exit status that is not 0."""
    for module, *arguments in PARTS:
        print(f"\n== python -m {module} {' '.join(arguments)}".rstrip(), flush=True)
        status = subprocess.run([sys.executable, "-m", module, *arguments]).returncode
        if status:
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main())
