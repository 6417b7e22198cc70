"""What a file says about itself (seed, model, "synthetic"), read back in one way for all kinds."""

from __future__ import annotations

from pathlib import Path

from sightsound.media.comments import EXIF_ASCII, EXIF_IFD, USER_COMMENT, comment_to_metadata
from sightsound.media.containers import open_container
from sightsound.media.files import PathLike, input_file
from sightsound.media.image import open_image
from sightsound.media.kinds import IMAGE_CONTAINERS, identify
from sightsound.media.limits import Limits


def read_metadata(path: PathLike, *, limits: Limits | None = None) -> dict[str, str]:
    """The metadata that this package's writers stored in a picture, sound or video.

    From other programs' files: text chunks of PNG, comments, tags, as they are. Raises MediaError
    for a file that is missing or damaged.
    """
    limits = limits or Limits.from_environment()
    path = input_file(path, max_bytes=limits.max_file_bytes, limit="max_file_bytes")
    container = identify(path)
    if container in IMAGE_CONTAINERS:
        return _image_metadata(path, container, limits)
    with open_container(path, container) as opened:
        tags = {key.lower(): value for key, value in opened.metadata.items()}
        for stream in opened.streams:  # Ogg keeps its comments with the stream
            tags |= {key.lower(): value for key, value in stream.metadata.items()}
    ours = comment_to_metadata(tags.get("comment", ""))
    return tags if ours is None else ours


def _image_metadata(path: Path, container: str, limits: Limits) -> dict[str, str]:
    with open_image(path, limits) as picture:
        if container == "png":
            return {
                key: value
                for key, value in getattr(picture, "text", {}).items()
                if isinstance(value, str)
            }
        stored = picture.getexif().get_ifd(EXIF_IFD).get(USER_COMMENT)
        comment = picture.info.get("comment") if stored is None else stored
    if isinstance(comment, bytes):
        comment = comment.removeprefix(EXIF_ASCII).rstrip(b"\0").decode("utf-8", "replace")
    if not isinstance(comment, str):
        return {}
    ours = comment_to_metadata(comment)
    return {"comment": comment} if ours is None else ours
