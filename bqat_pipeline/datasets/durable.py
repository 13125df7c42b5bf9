"""Files on local disk that survive a power cut: content first, then the name, then the folder that holds the name.

Nothing may point at a file before it is durable, so whoever writes a manifest after a file writes both through here.
See `fsync(2)`: the folder must be synchronized as well, or the new name may be gone.
"""

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# File systems that cannot synchronize a folder say so with one of these; their server does it.
_NO_FOLDER_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EBADF)


def temporary_name(target: Path) -> Path:
    """A hidden name beside a file, that no other process takes."""
    return target.with_name(f".{target.name[:100]}.{os.getpid()}-{secrets.token_hex(4)}.tmp")


@contextmanager
def replacement(target: Path, *, sync_folder_too: bool = True) -> Iterator[Path]:
    """A temporary name to write to; the file takes its place, durably, when the block ends well, and never otherwise.

    Parameters
    ----------
    sync_folder_too : False where a lost name costs no more than doing the work again, and folders are synchronized
        before anything points at them.
    """
    make_folders(target.parent)
    temporary = temporary_name(target)
    try:
        yield temporary
        sync_file(temporary)
        temporary.replace(target)
    except BaseException:
        with suppress(OSError):  # what went wrong first is what counts
            temporary.unlink(missing_ok=True)
        raise
    if sync_folder_too:
        sync_folder(target.parent)


def write(target: Path, content: bytes, *, sync_folder_too: bool = True) -> None:
    """Put content in place in one step: a reader sees the old file or the new one, never a part."""
    with replacement(target, sync_folder_too=sync_folder_too) as temporary:
        temporary.write_bytes(content)


def move(source: Path, target: Path) -> None:
    """Move a file to its place in one step, also from another file system."""
    make_folders(target.parent)
    sync_file(source)
    try:
        source.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with replacement(target) as temporary:
            shutil.copyfile(source, temporary)
        source.unlink()
    else:
        sync_folder(target.parent)


def move_folder(source: Path, target: Path) -> None:
    """Give a finished folder of many files its name; everything in it is durable before."""
    os.sync()  # one call for any number of files
    source.rename(target)
    sync_folder(target.parent)


def make_folders(folder: Path, mode: int = 0o777) -> None:
    """Make a folder and those above it, durably.

    Parameters
    ----------
    mode : Permissions of the folders that are made, less the umask; those that exist keep theirs.
    """
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        if folder.parent == folder:
            break
        folder = folder.parent
    for made in reversed(missing):
        made.mkdir(mode=mode, exist_ok=True)
        sync_folder(made.parent)


def sync_file(path: Path) -> None:
    """Wait until the content of a file is on the disk."""
    _sync(path, os.O_RDONLY)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    try:
        _sync(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
