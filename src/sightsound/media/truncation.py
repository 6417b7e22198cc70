"""Whether a container is all there: the lengths that it states against the length of its file.

Decoders take what is left of a cut file without a word, so this is looked at before decoding.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

from sightsound.errors import MediaError
from sightsound.media.files import one_line, shown
from sightsound.media.kinds import Container

_MAX_CHUNKS = 100_000
_OGG_PAGE_BYTES = 27 + 255 + 255 * 255


def check_complete(path: Path, container: Container) -> None:
    """Raise MediaError where ``path`` is shorter than its own headers say.

    FLAC and pictures tell only while they are decoded; nothing is checked for them here.
    """
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            match container:
                case "wav":
                    missing = _missing_in_riff(file, size)
                case "aiff":
                    missing = _missing_in_chunks(file, size, "big", b"SSND", {})
                case "ogg":
                    missing = _missing_in_ogg(file, size)
                case "mp3":
                    missing = _missing_in_mp3(file, size)
                case "mov":
                    missing = _missing_in_mov(file, size)
                case "matroska":
                    missing = _missing_in_matroska(file, size)
                case _:
                    missing = None
    except (struct.error, IndexError) as error:  # the file ends inside a header
        raise truncated(path, "it ends inside a header") from error
    except OSError as error:
        raise MediaError(f"{shown(path)}: cannot be read ({one_line(error)})") from error
    if missing is not None:
        raise truncated(path, missing)


def truncated(path: Path, what: str) -> MediaError:
    """The error for a file that is cut short."""
    return MediaError(f"{shown(path)}: truncated ({what}); copy or record it again")


def _missing_in_riff(file: BinaryIO, size: int) -> str | None:
    form = file.read(12)[:4]
    sizes_64: dict[bytes, int] = {}
    if form in (b"RF64", b"BW64"):
        if file.read(4) != b"ds64":
            return "its ds64 chunk is missing"
        (length,) = struct.unpack("<I", file.read(4))
        _, data_bytes = struct.unpack("<QQ", file.read(16))
        sizes_64[b"data"] = data_bytes
        file.seek(20 + length + length % 2)
    return _missing_in_chunks(file, size, "big" if form == b"RIFX" else "little", b"data", sizes_64)


def _missing_in_chunks(
    file: BinaryIO, size: int, order: str, wanted: bytes, sizes_64: dict[bytes, int]
) -> str | None:
    """Walk RIFF or AIFF chunks up to the ``wanted`` one, and see whether that one is all there."""
    if file.tell() == 0:
        file.seek(12)
    for _ in range(_MAX_CHUNKS):
        header = file.read(8)
        if len(header) < 8:
            break
        name = header[:4]
        (length,) = struct.unpack(">I" if order == "big" else "<I", header[4:])
        length = sizes_64.get(name, length)
        here = file.tell()
        if name == wanted:
            # Written to a pipe, the header could not be mended: 0, or close to 2³¹ or 2³².
            if name not in sizes_64 and (
                length == 0 or 0x7FFF0000 <= length <= 0x7FFFFFFF or length >= 0xFFFF0000
            ):
                return None
            if here + length > size:
                return f"{size - here} of {length} bytes of sound are there"
            return None
        file.seek(here + length + length % 2)
    return "it holds no sound chunk"


def _missing_in_ogg(file: BinaryIO, size: int) -> str | None:
    """An Ogg file is a row of pages; the last must end within the file."""
    start = max(0, size - 2 * _OGG_PAGE_BYTES)
    file.seek(start)
    tail = file.read()
    at = tail.rfind(b"OggS")
    if at < 0:
        return "no Ogg page near its end"
    segments = tail[at + 26]
    if len(tail) < at + 27 + segments:
        return "it ends inside a page header"
    end = at + 27 + segments + sum(tail[at + 27 : at + 27 + segments])
    return "it ends inside a page" if end > len(tail) else None


def _missing_in_mp3(file: BinaryIO, size: int) -> str | None:
    """The Xing or Info header that encoders write first counts the bytes of the stream."""
    start = 0
    head = file.read(10)
    if head[:3] == b"ID3" and len(head) == 10:
        start = 10 + sum(
            (byte & 0x7F) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True)
        )
    file.seek(start)
    frame = file.read(200)
    at = max(frame.find(b"Xing"), frame.find(b"Info"))
    if at < 0 or len(frame) < at + 16:
        return "it ends inside its first frame" if start >= size else None
    (flags,) = struct.unpack_from(">I", frame, at + 4)
    if flags & 2 == 0:
        return None
    (stream_bytes,) = struct.unpack_from(">I", frame, at + 8 + (4 if flags & 1 else 0))
    # Encoders differ by a frame or two in what they count; the longest frame has 1441 bytes.
    if size - start + min(2 * 1441, stream_bytes // 20) < stream_bytes:
        return f"{size - start} of {stream_bytes} bytes of sound are there"
    return None


def _missing_in_mov(file: BinaryIO, size: int) -> str | None:
    at, has_index = 0, False
    for _ in range(_MAX_CHUNKS):
        file.seek(at)
        header = file.read(16)
        if len(header) < 8:
            break
        length, name = struct.unpack(">I4s", header[:8])
        if length == 1:
            (length,) = struct.unpack(">Q", header[8:16])
        elif length == 0:
            length = size - at  # to the end of the file
        if length < 8 or not name.isalnum():
            break  # something else was appended
        has_index = has_index or name == b"moov"
        if at + length > size:
            return f"{size - at} of {length} bytes of its {name.decode()} part are there"
        at += length
    return None if has_index else "its index (moov) is missing"


def _missing_in_matroska(file: BinaryIO, size: int) -> str | None:
    _, length = _ebml_element(file)
    file.seek(length or 0, os.SEEK_CUR)
    name, length = _ebml_element(file)
    if name != 0x18538067:  # Segment, which holds all the rest
        return "its segment is missing"
    if length is not None and file.tell() + length > size:
        return f"{size - file.tell()} of {length} bytes are there"
    return None


def _ebml_element(file: BinaryIO) -> tuple[int, int | None]:
    """Id and length of the element that begins here; length ``None`` = written live, unknown."""
    first = file.read(1)[0]
    width = 9 - first.bit_length()
    name = int.from_bytes(bytes([first]) + file.read(width - 1))
    first = file.read(1)[0]
    width = 9 - first.bit_length()
    value = int.from_bytes(bytes([first]) + file.read(width - 1)) & ((1 << 7 * width) - 1)
    return name, None if value == (1 << 7 * width) - 1 else value
