"""Completion of arguments with the Tab key (``bqat --install-completion``)."""


def dataset_keys(incomplete: str) -> list[str]:
    """Keys of data sets that begin with a text; none when they cannot be read, so that no error disturbs the prompt."""
    from bqat_pipeline.cli.lookup import open_store

    try:
        keys = open_store().keys()
        return [key for key in keys if key.startswith(incomplete)]
    except Exception:  # noqa: BLE001
        return []
