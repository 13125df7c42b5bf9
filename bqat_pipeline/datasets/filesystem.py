"""Files and folders on local disk or S3, behind one small picklable type over pyarrow.fs."""

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pyarrow import fs

from bqat_pipeline.datasets import durable, remote

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Location:
    """A file or folder on local disk or S3.

    Attributes
    ----------
    filesystem : The pyarrow file system; pickles to worker processes.
    path : Absolute path on that file system, with forward slashes.
    """

    filesystem: fs.FileSystem
    path: str

    @classmethod
    def parse(cls, uri: str | os.PathLike[str]) -> "Location":
        """Location of a local path (relative ones against the working directory) or of ``s3://bucket/prefix``.

        For S3-compatible servers give ``?endpoint_override=host:port&scheme=http`` or set ``AWS_ENDPOINT_URL``.
        """
        text = os.fspath(uri)
        if "://" in text:
            filesystem, path = fs.FileSystem.from_uri(remote.with_options(text))
            return cls(filesystem, path.rstrip("/") or "/")
        # `~name` of nobody stays a name, as in a shell; Path.expanduser would raise.
        expanded = os.path.expanduser(text)  # noqa: PTH111
        return cls(fs.LocalFileSystem(), Path(expanded).absolute().as_posix())

    def __truediv__(self, name: str) -> "Location":
        return Location(self.filesystem, f"{self.path.rstrip('/')}/{name}")

    def __str__(self) -> str:
        return self.path if self.is_local else f"{self.filesystem.type_name}://{self.path}"

    @property
    def is_local(self) -> bool:
        return isinstance(self.filesystem, fs.LocalFileSystem)

    @property
    def local(self) -> Path:
        """The local path.

        Raises
        ------
        ValueError : when the location is not on local disk.
        """
        if not self.is_local:
            raise ValueError(f"{self} is not on local disk")
        return Path(self.path)

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]

    @property
    def parent(self) -> "Location":
        return Location(self.filesystem, self.path.rsplit("/", 1)[0] or "/")

    def info(self) -> fs.FileInfo:
        """Type, size and time of last modification; never raises for a missing file."""
        if self.is_local:
            return self.filesystem.get_file_info(self.path)
        return remote.again(lambda: self.filesystem.get_file_info(self.path))

    def is_file(self) -> bool:
        return self.info().type == fs.FileType.File

    def is_dir(self) -> bool:
        return self.info().type == fs.FileType.Directory

    def exists(self) -> bool:
        return self.info().type != fs.FileType.NotFound

    def iterdir(self) -> Iterator[fs.FileInfo]:
        """Entries directly below, sorted by name; none when the folder does not exist."""
        selector = fs.FileSelector(self.path, recursive=False, allow_not_found=True)
        yield from sorted(self.filesystem.get_file_info(selector), key=lambda info: info.base_name)

    def read_bytes(self) -> bytes:
        """The whole content.

        Raises
        ------
        FileNotFoundError : when there is no such file.
        """
        if self.is_local:
            return Path(self.path).read_bytes()
        return remote.again(self._read)

    def _read(self) -> bytes:
        with self.filesystem.open_input_file(self.path) as stream:
            return stream.read()

    def write_bytes(self, data: bytes, *, sync_folder: bool = True) -> None:
        """Put the content in place in one step: a reader sees the old file or the new one, never a part.

        Parameters
        ----------
        sync_folder : On local disk, also make the name survive a power cut; not needed where a lost file is made again.
        """
        if not self.is_local:
            remote.again(lambda: self._write(data))
            return
        durable.write(self.local, data, sync_folder_too=sync_folder)

    def _write(self, data: bytes) -> None:
        with self.filesystem.open_output_stream(self.path) as stream:
            stream.write(data)

    def put_file(self, source: Path) -> None:
        """Move a local file here in one step, durably; it is gone from where it was."""
        if not self.is_local:
            remote.again(lambda: self._copy(source))
            source.unlink()
            return
        durable.move(source, self.local)

    def _copy(self, source: Path) -> None:
        # Not by pyarrow's copy_files: nobody hears there that S3 refused a small file, and an empty one stays.
        with source.open("rb") as content, self.filesystem.open_output_stream(self.path) as stream:
            shutil.copyfileobj(content, stream, _BLOCK)

    def create_dir(self, mode: int = 0o777) -> None:
        """Make the folder and its parents; nothing to do on S3, which has no folders.

        Parameters
        ----------
        mode : Permissions of the folders that are made, less the umask.
        """
        if self.is_local:
            durable.make_folders(self.local, mode)

    def delete(self) -> None:
        """Delete the file; nothing happens when it does not exist."""
        if self.is_file():
            with contextlib.suppress(FileNotFoundError):  # another process was quicker
                self.filesystem.delete_file(self.path)

    def delete_dir(self) -> None:
        """Delete the folder with everything in it; nothing happens when it does not exist.

        On local disk it is gone at once, under its name, also while somebody still writes into it.
        """
        if not self.is_local:
            if self.is_dir():
                self.filesystem.delete_dir(self.path)
            return
        folder = Path(self.path)
        doomed = folder.with_name(f".{folder.name[:100]}.{secrets.token_hex(4)}.deleted")
        try:
            folder.rename(doomed)
        except FileNotFoundError:
            return
        shutil.rmtree(doomed)
