"""The serial number in the pages of an Ogg file, set so that equal sound gives equal bytes."""

from __future__ import annotations

import struct
from pathlib import Path

SERIAL_NUMBER = 0x73736E64  # "ssnd"


def _crc_table() -> tuple[int, ...]:
    """CRC-32 with polynomial 0x04C11DB7, most significant bit first, as RFC 3533 has it."""
    table = []
    for byte in range(256):
        crc = byte << 24
        for _ in range(8):
            crc = (crc << 1) ^ (0x04C11DB7 if crc & 0x80000000 else 0)
        table.append(crc & 0xFFFFFFFF)
    return tuple(table)


_CRC_TABLE = _crc_table()


def page_checksum(page: bytes | bytearray) -> int:
    """The checksum of a page whose own checksum field is zero."""
    crc = 0
    for byte in page:
        crc = (crc << 8) & 0xFFFFFFFF ^ _CRC_TABLE[crc >> 24 ^ byte]
    return crc


def set_serial_number(path: Path) -> None:
    """Give every page of a one-stream Ogg file ``SERIAL_NUMBER``, in place.

    Source: RFC 3533, section 6: bytes 14 to 17 are the serial number, 22 to 25 the checksum.
    """
    with path.open("r+b") as file:
        while True:
            start = file.tell()
            header = file.read(27)
            if len(header) < 27 or header[:4] != b"OggS":
                return
            lengths = file.read(header[26])
            page = bytearray(header + lengths + file.read(sum(lengths)))
            struct.pack_into("<I", page, 14, SERIAL_NUMBER)
            struct.pack_into("<I", page, 22, 0)
            struct.pack_into("<I", page, 22, page_checksum(page))
            file.seek(start)
            file.write(page)
