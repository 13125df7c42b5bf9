"""``python -m bqat_pipeline`` is ``bqat``."""

from bqat_pipeline.cli import main

if __name__ == "__main__":
    main()
