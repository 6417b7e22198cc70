"""Picture files ⇄ images (3, H, W), float32 in [-1, 1], RGB; animations and contact sheets out."""

from __future__ import annotations

import io
import itertools
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageCms, ImageOps, PngImagePlugin

from sightsound.errors import MediaError
from sightsound.media.comments import metadata_to_comment, metadata_to_exif
from sightsound.media.files import PathLike, input_file, one_line, shown, write_bytes
from sightsound.media.kinds import (
    ANIMATION_OUTPUTS,
    IMAGE_CONTAINERS,
    IMAGE_OUTPUTS,
    identify,
    output_suffix,
)
from sightsound.media.limits import Limits, setting
from sightsound.shapes import Frames, Image, image_to_unit, unit_to_image

# What a transparent picture is laid on: most cut-outs are made for a white page.
BACKGROUND = (255, 255, 255)
JPEG_QUALITY = 95
_GIF_TICKS = 100  # ticks in a second; a GIF states its times in hundredths
_MILLISECONDS = 1000


def read_image(path: PathLike, *, limits: Limits | None = None) -> Image:
    """Read a picture file → (3, H, W) float32 in [-1, 1], sRGB.

    As ``read_pixels``, which see for what is done and refused.
    """
    return image_to_unit(read_pixels(path, limits=limits))


def read_pixels(path: PathLike, *, limits: Limits | None = None) -> Frames:
    """Read a PNG, JPEG, WebP, GIF, BMP or TIFF file → uint8 (H, W, 3), sRGB.

    Turned as its EXIF says; CMYK and colour profiles converted to sRGB; 16 bits scaled to 8; a
    transparent picture laid on white; of an animation, the first frame. Raises MediaError for what
    is no picture, damaged or truncated, and, before anything is unpacked, for what is larger than
    ``limits`` allow.
    """
    limits = limits or Limits.from_environment()
    with open_image(path, limits) as picture:
        picture.seek(0)
        picture.load()
        turned = ImageOps.exif_transpose(picture)
        return np.array(_to_rgb(path, turned), dtype=np.uint8)


@contextmanager
def open_image(path: PathLike, limits: Limits) -> Iterator[PillowImage.Image]:
    """A picture file whose header is read and within ``limits``, not decoded yet.

    Raises MediaError for whatever Pillow makes of a damaged file, inside the block too.
    """
    path = input_file(path, max_bytes=limits.max_image_file_bytes, limit="max_image_file_bytes")
    container = identify(path)
    if container not in IMAGE_CONTAINERS:
        raise MediaError(
            f"{shown(path)}: is no picture ({container.upper()}); allowed: PNG, JPEG, WebP, GIF, "
            "BMP, TIFF"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is wrong is said once, by us
            with PillowImage.open(path, formats=(container.upper(),)) as picture:
                _check_size(path, picture.size, limits)
                yield picture
    except MediaError:
        raise
    except PillowImage.DecompressionBombError as error:
        raise MediaError(
            f"{shown(path)}: too many pixels; at most {limits.max_pixels} are allowed"
        ) from error
    # A decoder given a stranger's bytes raises almost anything: OSError, SyntaxError, KeyError,
    # struct.error, zlib.error, …
    except Exception as error:
        raise MediaError(
            f"{shown(path)}: damaged or truncated picture ({one_line(error)}); "
            "copy or convert it again"
        ) from error


def _check_size(path: PathLike, size: tuple[int, int], limits: Limits) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise MediaError(f"{shown(path)}: a picture of {width} × {height} pixels; it is empty")
    if width * height > limits.max_pixels:
        raise MediaError(
            f"{shown(path)}: {width} × {height} pixels, at most {limits.max_pixels} are allowed; "
            f"scale it down first, or raise {setting('max_pixels')}"
        )


def _to_rgb(path: PathLike, picture: PillowImage.Image) -> PillowImage.Image:
    """Any mode of Pillow's → 8-bit sRGB."""
    if picture.mode == "F" or picture.mode.startswith("I"):
        picture = PillowImage.fromarray(_deep_grey_to_8_bits(path, np.asarray(picture)))
    alpha = None
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        alpha = picture.getchannel("A")
        picture = _without_alpha(picture)
    elif picture.mode not in ("L", "RGB", "CMYK", "LAB"):
        picture = picture.convert("RGB")
    picture = _to_srgb(picture)
    if alpha is not None:
        page = PillowImage.new("RGB", picture.size, BACKGROUND)
        page.paste(picture, mask=alpha)
        return page
    return picture


def _without_alpha(picture: PillowImage.Image) -> PillowImage.Image:
    profile = picture.info.get("icc_profile")
    colours = picture.convert("RGB")  # drops the alpha, keeps the colours beneath it
    if profile:
        colours.info["icc_profile"] = profile
    return colours


def _deep_grey_to_8_bits(path: PathLike, values: NDArray[Any]) -> NDArray[np.uint8]:
    """Grey of 16 bits, or float grey in [0, 1] or [0, 255], → 8 bits.

    Raises MediaError for values of another scale: what they mean is not written anywhere.
    """
    low, high = float(values.min()), float(values.max())
    if values.dtype.kind == "f":
        scale, allowed = (255.0 if high <= 1.0 else 1.0), 255.0
    else:
        scale, allowed = 1.0 / 257.0, 65535.0
    if not (low >= 0 and high <= allowed):  # false for NaN too
        raise MediaError(
            f"{shown(path)}: grey values from {low:.6g} to {high:.6g}, allowed: 0 to {allowed:g}; "
            "convert it to 8 or 16 bits first"
        )
    return np.rint(values.astype(np.float64) * scale).astype(np.uint8)


def _to_srgb(picture: PillowImage.Image) -> PillowImage.Image:
    """Apply the embedded colour profile; one that is broken or of another mode is left out."""
    profile = picture.info.get("icc_profile")
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if picture.mode == "RGB" and "srgb" in ImageCms.getProfileDescription(source).lower():
                return picture  # a transform to itself would only round
            converted = ImageCms.profileToProfile(
                picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass
    return picture.convert("RGB")


def fit_image(image: Image, size: int, *, mode: Literal["crop", "pad"] = "crop") -> Image:
    """(3, H, W) → (3, size, size), keeping the proportions.

    ``crop``: the largest central square; ``pad``: all of it, with black bars. Shrinks by area
    averaging, grows by bicubic interpolation.
    """
    _, H, W = image.shape
    if mode == "crop":
        side = min(H, W)
        left, top = (W - side) / 2, (H - side) / 2
        return _resized(image, (size, size), (left, top, left + side, top + side))
    scale = size / max(H, W)
    height, width = max(1, round(H * scale)), max(1, round(W * scale))
    fitted = np.full((3, size, size), -1.0, dtype=np.float32)
    top, left = (size - height) // 2, (size - width) // 2
    fitted[:, top : top + height, left : left + width] = _resized(
        image, (width, height), (0, 0, W, H)
    )
    return fitted


def _resized(image: Image, size: tuple[int, int], box: tuple[float, float, float, float]) -> Image:
    """The part ``box`` (left, top, right, bottom) of an image → ``size`` (width, height)."""
    shrinks = size[0] <= box[2] - box[0]
    method = PillowImage.Resampling.BOX if shrinks else PillowImage.Resampling.BICUBIC
    channels = [
        np.asarray(PillowImage.fromarray(channel).resize(size, method, box=box))
        for channel in np.ascontiguousarray(image, dtype=np.float32)
    ]
    return np.asarray(np.clip(np.stack(channels), -1.0, 1.0), dtype=np.float32)


def write_image(
    path: PathLike,
    picture: Image | Frames,
    *,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write an image (3, H, W) in [-1, 1] or pixels uint8 (H, W, 3) as PNG, JPEG or WebP.

    PNG and WebP without loss. ``metadata``, which ``read_metadata`` finds again, is all that the
    file says beside its pixels: nothing of a source picture (place, camera, name) comes along.
    Atomic. Raises MediaError for another type, for NaN and for a full disk.
    """
    suffix = output_suffix(path, IMAGE_OUTPUTS)
    encoded = io.BytesIO()
    pillow = PillowImage.fromarray(_pixels(path, picture))
    options = _metadata_options(suffix, metadata or {}, path)
    if suffix == ".png":
        pillow.save(encoded, "PNG", **options)
    elif suffix == ".webp":
        pillow.save(encoded, "WEBP", lossless=True, **options)
    else:
        pillow.save(encoded, "JPEG", quality=JPEG_QUALITY, subsampling=0, **options)
    write_bytes(path, encoded.getvalue())


def write_animation(
    path: PathLike,
    frames: Iterable[Frames],
    frame_rate: float,
    *,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write frames uint8 (H, W, 3) as an endless animation: .gif, .webp or .png (APNG).

    Frame n is shown at n / ``frame_rate`` seconds, rounded to the type's ticks (10 ms in a GIF,
    else 1 ms), so that rounding does not add up. All frames are held in memory. Atomic. Raises
    MediaError for another type, no frames, or more frames in a second than the type has ticks.
    """
    suffix = output_suffix(path, ANIMATION_OUTPUTS)
    pillows = [PillowImage.fromarray(_pixels(path, frame)) for frame in frames]
    if not pillows:
        raise MediaError(f"{shown(path)}: no frames to write; give at least one")
    # Browsers slow a GIF down that shows a frame for less than two of its ticks.
    ticks, fewest = (_GIF_TICKS, 2) if suffix == ".gif" else (_MILLISECONDS, 1)
    if not 0 < frame_rate <= ticks / fewest:
        raise MediaError(
            f"{shown(path)}: {frame_rate:g} frames a second, {suffix} allows up to "
            f"{ticks // fewest}; lower the frame rate"
        )
    rate = Fraction(frame_rate)
    moments = [round(n * ticks / rate) for n in range(len(pillows) + 1)]
    durations = [
        (later - earlier) * (_MILLISECONDS // ticks)
        for earlier, later in itertools.pairwise(moments)
    ]
    options = _metadata_options(suffix, metadata or {}, path)
    if suffix == ".webp":
        options["lossless"] = True
    encoded = io.BytesIO()
    pillows[0].save(
        encoded,
        {".gif": "GIF", ".webp": "WEBP", ".png": "PNG"}[suffix],
        save_all=True,
        append_images=pillows[1:],
        duration=durations,
        loop=0,
        **options,
    )
    write_bytes(path, encoded.getvalue())


def contact_sheet(images: Sequence[Image], columns: int, *, gap: int = 2) -> Image:
    """Images (3, H, W) of one size, row by row in ``columns``, white ``gap`` pixels between."""
    if not images or columns < 1:
        raise ValueError(f"{len(images)=} {columns=}")
    _, H, W = images[0].shape
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    sheet = np.ones((3, rows * (H + gap) - gap, columns * (W + gap) - gap), dtype=np.float32)
    for n, image in enumerate(images):
        top, left = n // columns * (H + gap), n % columns * (W + gap)
        sheet[:, top : top + H, left : left + W] = image
    return sheet


def _pixels(path: PathLike, picture: Image | Frames) -> Frames:
    """An image or pixels → pixels, contiguous."""
    if picture.dtype == np.uint8:
        if picture.ndim != 3 or picture.shape[2] != 3:
            raise ValueError(f"{picture.shape=}, expected (H, W, 3)")
        return np.ascontiguousarray(picture, dtype=np.uint8)
    if picture.ndim != 3 or picture.shape[0] != 3:
        raise ValueError(f"{picture.shape=}, expected (3, H, W)")
    image = np.asarray(picture, dtype=np.float32)
    if not np.isfinite(image).all():
        raise MediaError(
            f"{shown(path)}: the picture to write holds NaN or infinity; nothing is written"
        )
    return np.ascontiguousarray(unit_to_image(image))


def _metadata_options(suffix: str, metadata: Mapping[str, str], path: PathLike) -> dict[str, Any]:
    """What Pillow's ``save`` takes to store ``metadata`` in a file of this type."""
    if not metadata:
        return {}
    if suffix == ".png":
        chunks = PngImagePlugin.PngInfo()
        metadata_to_comment(metadata, path)  # for the same bound on size
        for key, value in metadata.items():
            # A file name that is no Unicode may hold what UTF-8 cannot.
            chunks.add_itxt(
                _png_keyword(path, key), value.encode("utf-8", "backslashreplace").decode("utf-8")
            )
        return {"pnginfo": chunks}
    if suffix == ".gif":
        return {"comment": metadata_to_comment(metadata, path).encode("ascii")}
    return {"exif": metadata_to_exif(metadata, path)}


def _png_keyword(path: PathLike, key: str) -> str:
    if not 1 <= len(key) <= 79 or not key.isprintable() or not key.isascii() or key != key.strip():
        raise MediaError(
            f"{shown(path)}: {shown(key)!r} is no keyword that PNG can hold; use 1 to 79 printable "
            "ASCII characters"
        )
    return key
