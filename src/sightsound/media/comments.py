"""Metadata ⇄ the one comment line that sound, video, JPEG, WebP and GIF files carry it in."""

from __future__ import annotations

import json
from collections.abc import Mapping

from PIL import Image as PillowImage

from sightsound.errors import MediaError
from sightsound.media.files import PathLike, shown

MAX_COMMENT_BYTES = 60_000  # one JPEG segment holds 65 533
EXIF_IFD, USER_COMMENT = 0x8769, 0x9286
EXIF_ASCII = b"ASCII\0\0\0"


def metadata_to_comment(metadata: Mapping[str, str], path: PathLike) -> str:
    """Metadata → one ASCII line of JSON, which every container's comment can hold.

    Raises MediaError over 60 000 bytes; ``path`` is the file that it is meant for.
    """
    comment = json.dumps(dict(metadata), sort_keys=True)
    if len(comment) > MAX_COMMENT_BYTES:
        raise MediaError(
            f"{shown(path)}: {len(comment)} bytes of metadata, at most {MAX_COMMENT_BYTES} can be "
            "stored; shorten it"
        )
    return comment


def comment_to_metadata(comment: str) -> dict[str, str] | None:
    """The inverse of ``metadata_to_comment``; ``None`` for a comment that is not ours."""
    try:
        values = json.loads(comment)
    except ValueError:
        values = None
    if isinstance(values, dict) and all(isinstance(value, str) for value in values.values()):
        return values
    return None


def metadata_to_exif(metadata: Mapping[str, str], path: PathLike) -> PillowImage.Exif:
    """Metadata → an EXIF block with nothing else in it."""
    exif = PillowImage.Exif()
    comment = metadata_to_comment(metadata, path).encode("ascii")
    exif.get_ifd(EXIF_IFD)[USER_COMMENT] = EXIF_ASCII + comment
    return exif
