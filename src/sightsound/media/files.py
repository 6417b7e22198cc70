"""One file in, checked before it is opened; one file out, whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeAlias

from sightsound.errors import MediaError, WriteError
from sightsound.media.limits import setting

PathLike: TypeAlias = str | os.PathLike[str]


def shown(path: PathLike) -> str:
    """``path`` for a one-line message: what cannot be printed is escaped."""
    text = os.fspath(path)
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def one_line(error: BaseException) -> str:
    """What a library said, on one line; its class name where it said nothing."""
    return shown(" ".join(str(error).split())) or type(error).__name__


def input_file(path: PathLike, *, max_bytes: int, limit: str) -> Path:
    """``path`` once it is seen to be a readable file, neither empty nor over ``max_bytes``.

    ``limit`` names the field of ``Limits`` that ``max_bytes`` comes from. Raises MediaError.
    """
    path = Path(path)
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise MediaError(f"{shown(path)}: is a folder, expected a file; name a file in it")
        if not stat.S_ISREG(status.st_mode):
            raise MediaError(f"{shown(path)}: is no regular file; copy it into one first")
        with path.open("rb"):
            pass
    except FileNotFoundError as error:
        raise MediaError(f"{shown(path)}: no such file; check the name") from error
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        reason = getattr(error, "strerror", None) or one_line(error)
        raise MediaError(
            f"{shown(path)}: cannot be read ({reason}); check its name and permissions"
        ) from error
    if status.st_size == 0:
        raise MediaError(f"{shown(path)}: the file is empty (0 bytes); write or fetch it again")
    if status.st_size > max_bytes:
        raise MediaError(
            f"{shown(path)}: {status.st_size} bytes, at most {max_bytes} are allowed; "
            f"use a smaller file or raise {setting(limit)}"
        )
    return path


def _refuse_write(path: PathLike, error: OSError) -> WriteError:
    """The one line that says why ``path`` was not written."""
    if error.errno == errno.ENOSPC:
        advice = "free some space; nothing was left half-written"
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        advice = "choose a folder that you may write to"
    else:
        advice = "nothing was left half-written"
    reason = error.strerror or one_line(error)
    return WriteError(f"{shown(path)}: cannot be written ({reason}); {advice}")


@contextmanager
def atomic_path(path: PathLike) -> Iterator[Path]:
    """A temporary path beside ``path`` to write to; it becomes ``path`` when the block succeeds.

    When the block raises (Ctrl-C too), the temporary file goes away and what was at ``path``
    stays. Raises MediaError where the folder is missing or cannot be written, ``path`` is no
    regular file, or the disk is full.
    """
    try:
        target = Path(path).resolve()  # a link stays a link, its target is replaced
        if target.is_dir():
            raise MediaError(f"{shown(path)}: is a folder; name a file in it")
        if target.exists() and not target.is_file():
            raise MediaError(f"{shown(path)}: is no regular file; write to a file instead")
        if not target.parent.is_dir():
            raise MediaError(
                f"{shown(path)}: its folder {shown(target.parent)} is missing or no folder; "
                "make it first"
            )
        temporary = target.parent / f".sightsound-{secrets.token_hex(8)}.part"
    except OSError as error:
        raise _refuse_write(path, error) from error
    except (ValueError, RuntimeError) as error:  # a zero byte in the name, a loop of links
        raise MediaError(f"{shown(path)}: not a usable name ({one_line(error)})") from error
    try:
        # In here, for Ctrl-C may come right after the file was made.
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())  # some file systems tell of a full disk only here
        temporary.replace(target)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        # An OSError about another file is the caller's own and passes.
        ours = isinstance(error, OSError) and error.filename in (None, str(temporary), temporary)
        if ours and isinstance(error, OSError):
            raise _refuse_write(path, error) from error
        raise


def write_bytes(path: PathLike, content: bytes) -> None:
    """Write ``content`` to ``path`` atomically. Raises MediaError as ``atomic_path`` does."""
    with atomic_path(path) as temporary, GuardedFile(temporary) as file:
        file.write(content)


class GuardedFile:
    """A file for C encoders, which cannot carry a Python exception through their callbacks.

    The first OSError is kept, later writes are swallowed, and ``close`` raises it.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("w+b")
        self._error: OSError | None = None

    def write(self, content: bytes | bytearray | memoryview) -> int:
        size = len(content)
        if self._error is None:
            try:
                self._file.write(content)
            except OSError as error:
                self._error = error
        return size

    def read(self, size: int = -1) -> bytes:
        return b"" if self._error else self._file.read(size)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        try:
            return self._file.seek(offset, whence)  # flushes, so it can fail as a write does
        except OSError as error:
            self._error = self._error or error
            return 0

    def tell(self) -> int:
        return self._file.tell()

    def flush(self) -> None:
        try:
            self._file.flush()
        except OSError as error:
            self._error = self._error or error

    def close(self) -> None:
        """Flush and close. Raises the first OSError of all that was done."""
        try:
            self._file.close()
        except OSError as error:
            self._error = self._error or error
        if self._error is not None:
            raise self._error

    def __enter__(self) -> GuardedFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            with suppress(OSError):
                self._file.close()
