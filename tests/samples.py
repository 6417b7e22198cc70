"""Odd and bad media files, one of each kind, for the tests of readers and of the command line.

Each function writes into a folder and gives (good, bad): {name: path}. Good files must be read;
bad ones must be refused with one line. All are made here, byte by byte where no encoder would.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soundfile
from PIL import Image, ImageCms

from sightsound.errors import SightsoundError
from sightsound.media.video import write_video

Files = dict[str, Path]

SECONDS = 0.6
TONE_HZ = 440.0


def refusal(read: Callable[[Path], object], path: Path) -> str:
    """The one line with which ``path`` is refused; fails where it is not, or not in one line."""
    try:
        read(path)
    except SightsoundError as error:
        line = str(error)
    else:
        raise AssertionError(f"{path} was read")
    assert "\n" not in line
    assert len(line) < 400
    assert path.name in line
    return line


def tone(sample_rate: int = 44_100, channels: int = 1, seconds: float = SECONDS) -> np.ndarray:
    """(T, C) float64: a sine of 0.5, each channel a little softer than the one before."""
    times = np.arange(round(sample_rate * seconds)) / sample_rate
    gains = 0.5 * 0.95 ** np.arange(channels)
    return np.sin(2 * np.pi * TONE_HZ * times)[:, None] * gains


def picture(height: int = 48, width: int = 64) -> np.ndarray:
    """uint8 (H, W, 3) with a colour of its own in each corner, so that a turn shows."""
    pixels = np.full((height, width, 3), 128, np.uint8)
    pixels[: height // 2, : width // 2] = (255, 0, 0)
    pixels[: height // 2, width // 2 :] = (0, 255, 0)
    pixels[height // 2 :, : width // 2] = (0, 0, 255)
    pixels[height // 2 :, width // 2 :] = (230, 200, 40)
    return pixels


def write_sounds(folder: Path) -> tuple[Files, Files]:
    """Sound files of every depth, rate and container that must work, and those refused."""
    good: Files = {}
    bad: Files = {}

    def save(name: str, samples: np.ndarray, rate: int = 44_100, **options: str) -> Path:
        path = folder / name
        soundfile.write(path, samples, rate, **options)
        return path

    for name, subtype in (
        ("wav_8_bit", "PCM_U8"),
        ("wav_16_bit", "PCM_16"),
        ("wav_24_bit", "PCM_24"),
        ("wav_32_bit", "PCM_32"),
        ("wav_32_bit_float", "FLOAT"),
        ("wav_64_bit_float", "DOUBLE"),
        ("wav_mu_law", "ULAW"),
    ):
        good[name] = save(f"{name}.wav", tone(), subtype=subtype)
    good["wav_64_bit_integer"] = _wav_of_64_bit_integers(folder / "wav_64_bit_integer.wav")
    good["wav_extensible"] = save("extensible.wav", tone(channels=2), format="WAVEX")
    good["wav_rf64"] = save("rf64.wav", tone(), format="RF64")
    good["wav_16_channels"] = save("16_channels.wav", tone(channels=16), format="WAVEX")
    for rate in (8_000, 11_025, 37_001, 96_000, 192_000):
        good[f"wav_{rate}_hz"] = save(f"{rate}.wav", tone(rate), rate)
    good["wav_half_second"] = save("half_second.wav", tone(seconds=0.5))
    good["wav_no_suffix"] = (folder / "recording").absolute()
    good["wav_no_suffix"].write_bytes(good["wav_16_bit"].read_bytes())
    good["wav_odd_name"] = folder / "take: 1 %d [ü]\n'x'.wav"
    good["wav_odd_name"].write_bytes(good["wav_16_bit"].read_bytes())
    for size in (0, 0xFFFFFFFF):
        path = folder / f"from_a_pipe_{size:x}.wav"
        content = bytearray(good["wav_16_bit"].read_bytes())
        struct.pack_into("<I", content, 4, size)
        struct.pack_into("<I", content, content.find(b"data") + 4, size)
        path.write_bytes(content)
        good[f"wav_from_a_pipe_{size:x}"] = path
    good["aiff"] = save("sound.aiff", tone())
    good["flac"] = save("sound.flac", tone(channels=2))
    good["flac_24_bit"] = save("24.flac", tone(96_000), 96_000, subtype="PCM_24")
    good["ogg_vorbis"] = save("vorbis.ogg", tone(), subtype="VORBIS")
    good["ogg_opus"] = save("opus.opus", tone(48_000), 48_000, format="OGG", subtype="OPUS")
    good["mp3"] = save("sound.mp3", tone(channels=2))
    good["m4a"] = _encode(folder / "sound.m4a", "ipod", "aac")
    good["aac"] = _encode(folder / "sound.aac", "adts", "aac")
    good["m4a_alac"] = _encode(folder / "alac.m4a", "ipod", "alac")
    good["mka"] = _encode(folder / "sound.mka", "matroska", "flac")

    bad["missing"] = folder / "no_such_file.wav"
    bad["folder"] = folder / "a_folder.wav"
    bad["folder"].mkdir()
    bad["empty"] = folder / "empty.wav"
    bad["empty"].touch()
    bad["text"] = folder / "text.wav"
    bad["text"].write_text("This is a note, not a sound.\n" * 20)
    bad["utf16_text"] = folder / "utf16.wav"
    bad["utf16_text"].write_text("This is a note, not a sound.\n" * 20, encoding="utf-16")
    bad["text_mp3"] = folder / "text.mp3"
    bad["text_mp3"].write_text("This is a note, not a sound.\n" * 20)
    bad["random"] = folder / "random.wav"
    bad["random"].write_bytes(b"\x01" + np.random.default_rng(0).bytes(20_000))
    bad["random_mp3"] = folder / "random.mp3"
    bad["random_mp3"].write_bytes(b"\x01" + np.random.default_rng(0).bytes(20_000))
    bad["no_samples"] = save("no_samples.wav", tone()[:0])
    bad["one_sample"] = save("one_sample.wav", tone()[:1])
    bad["one_sample_flac"] = save("one_sample.flac", tone()[:1])
    bad["short"] = save("short.wav", tone(seconds=0.4))
    bad["short_mp3"] = save("short.mp3", tone(seconds=0.3))
    bad["silent"] = save("silent.wav", 0 * tone())
    bad["silent_flac"] = save("silent.flac", 0 * tone())
    bad["silent_constant"] = save("constant.wav", 0 * tone() + 0.25)
    bad["silent_dither"] = save("dither.wav", tone() * 2e-5)
    bad["silent_stereo"] = save("cancels.wav", tone() * [[1.0, -1.0]])
    for name, value in (("nan", np.nan), ("infinite", -np.inf)):
        samples = tone()
        samples[20_000] = value
        bad[name] = save(f"{name}.wav", samples, subtype="FLOAT")
    bad["beyond_float32"] = save("beyond.wav", tone() * 1e300, subtype="DOUBLE")
    bad["integers_as_float"] = save("integers.wav", tone() * 32768, subtype="FLOAT")
    bad["rate_too_low"] = save("low.wav", tone(7_999), 7_999)
    bad["rate_too_high"] = save("high.wav", tone(192_001), 192_001)
    bad["17_channels"] = save("17_channels.wav", tone(channels=17), format="WAVEX")
    bad["too_long"] = _wav_too_long(folder / "too_long.wav")
    for name in (
        "wav_16_bit", "wav_rf64", "aiff", "flac", "ogg_vorbis", "ogg_opus", "mp3", "m4a", "mka",
    ):  # fmt: skip
        bad[f"truncated_{name}"] = cut(good[name], folder)
    bad["truncated_header"] = folder / "header.wav"
    bad["truncated_header"].write_bytes(good["wav_16_bit"].read_bytes()[:30])
    bad["playlist_m4a"] = _playlist(folder / "playlist.m4a", good["m4a"])
    bad["playlist_mp4"] = _playlist(folder / "playlist.mp4", good["m4a"])
    bad["concat"] = folder / "concat.wav"
    bad["concat"].write_text(f"ffconcat version 1.0\nfile '{good['wav_16_bit'].name}'\n")
    return good, bad


def write_pictures(folder: Path) -> tuple[Files, Files]:
    """Picture files of every odd kind that must work, and those refused."""
    good: Files = {}
    bad: Files = {}
    plain = Image.fromarray(picture())

    def save(name: str, image: Image.Image, **options: object) -> Path:
        path = folder / name
        image.save(path, **options)
        return path

    good["png"] = save("plain.png", plain)
    good["jpeg"] = save("plain.jpg", plain, quality=95)
    good["webp"] = save("plain.webp", plain, lossless=True)
    good["bmp"] = save("plain.bmp", plain)
    good["tiff"] = save("plain.tiff", plain)
    good["gif"] = save("plain.gif", plain)
    good["grey"] = save("grey.png", plain.convert("L"))
    good["one_bit"] = save("one_bit.png", plain.convert("1"))
    good["palette"] = save("palette.png", plain.convert("P"))
    good["grey_alpha"] = save("grey_alpha.png", plain.convert("LA"))
    good["cmyk"] = save("cmyk.jpg", plain.convert("CMYK"), quality=95)
    good["cmyk_tiff"] = save("cmyk.tiff", plain.convert("CMYK"))
    good["lab_tiff"] = save(
        "lab.tiff",
        ImageCms.profileToProfile(
            plain, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
        ),
    )
    alpha = plain.convert("RGBA")
    alpha.putalpha(Image.fromarray(np.where(np.arange(64) < 32, 255, 0).astype(np.uint8)[None]
                                   .repeat(48, axis=0)))  # fmt: skip
    good["alpha"] = save("alpha.png", alpha)
    good["alpha_webp"] = save("alpha.webp", alpha, lossless=True, exact=True)
    ramp = np.linspace(0, 65535, 64).astype(np.uint16)[None].repeat(48, axis=0)
    good["grey_16_bit"] = save("grey16.png", Image.fromarray(ramp))
    good["grey_16_bit_tiff"] = save("grey16.tiff", Image.fromarray(ramp))
    good["grey_float_tiff"] = save("float.tiff", Image.fromarray((ramp / 65535).astype(np.float32)))
    good["rgb_16_bit"] = _png_of_16_bits(folder / "rgb16.png")
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        good[f"exif_{orientation}"] = save(
            f"exif_{orientation}.jpg", plain, exif=exif, quality=95, subsampling=0
        )
    good["private"] = save("private.jpg", plain, exif=_exif_with_place(), quality=95)
    frames = [plain, plain.transpose(Image.Transpose.ROTATE_180)]
    for kind in ("gif", "webp", "png"):
        good[f"animated_{kind}"] = save(
            f"animated.{kind}",
            frames[0],
            save_all=True,
            append_images=frames[1:],
            duration=100,
            **({"lossless": True} if kind == "webp" else {}),
        )
    good["one_pixel"] = save("one_pixel.png", plain.crop((0, 0, 1, 1)))
    good["profile"] = save("profile.png", plain, icc_profile=_srgb_profile())
    good["broken_profile"] = save("broken_profile.png", plain, icc_profile=b"not a profile")
    good["wrong_suffix"] = folder / "really_a_png.jpg"
    good["wrong_suffix"].write_bytes(good["png"].read_bytes())

    bad["missing"] = folder / "no_such_file.png"
    bad["empty"] = folder / "empty.png"
    bad["empty"].touch()
    bad["text"] = folder / "text.png"
    bad["text"].write_text("This is a note, not a picture.\n" * 20)
    bad["bomb"] = _png_bomb(folder / "bomb.png", 30_000, 30_000)
    bad["large_bomb"] = _png_bomb(folder / "large_bomb.png", 2_000_000_000, 2_000_000_000)
    bad["between_limits"] = _png_bomb(folder / "between.png", 10_000, 12_000)
    bad["bomb_in_text"] = _png_text_bomb(folder / "text_bomb.png")
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8))
    for kind in ("png", "jpg", "webp", "gif", "bmp", "tiff"):
        whole = save(f"noise.{kind}", noise)
        bad[f"truncated_{kind}"] = cut(whole, folder)
    bad["header_only"] = folder / "header.png"
    bad["header_only"].write_bytes(good["png"].read_bytes()[:20])
    bad["damaged"] = folder / "damaged.png"
    content = bytearray((folder / "noise.png").read_bytes())
    content[200:260] = bytes(60)
    bad["damaged"].write_bytes(content)
    deep = Image.fromarray(np.full((8, 8), 10_000_000, np.int32))
    bad["grey_32_bit"] = save("grey32.tiff", deep)
    bad["svg"] = folder / "drawing.png"
    bad["svg"].write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    bad["postscript"] = folder / "page.png"
    bad["postscript"].write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n")
    bad["sound"] = folder / "sound.png"
    soundfile.write(bad["sound"], tone(), 44_100, format="WAV")
    return good, bad


def write_videos(folder: Path) -> tuple[Files, Files]:
    """Video files with sound, turned, and of varying rate; and those refused."""
    good: Files = {}
    bad: Files = {}
    frames = [np.roll(picture(), n, axis=1) for n in range(20)]
    good["mp4"] = folder / "video.mp4"
    waveform = tone(seconds=0.8).T.astype(np.float32)
    write_video(good["mp4"], frames, 25, waveform=waveform, sample_rate=44_100)
    for degrees, matrix in (
        (90, (0, 1, -1, 0)),
        (180, (-1, 0, 0, -1)),
        (270, (0, -1, 1, 0)),
    ):
        path = folder / f"turned_{degrees}.mp4"
        path.write_bytes(_with_matrix(good["mp4"].read_bytes(), matrix))
        good[f"turned_{degrees}"] = path
    for name, muxer, video, sound in (
        ("mov", "mov", "libx264", "aac"),
        ("mkv", "matroska", "libx264", "flac"),
        ("webm", "webm", "libvpx-vp9", "libopus"),
    ):
        good[name] = _encode(folder / f"video.{name}", muxer, sound, video, frames)
    good["varying_rate"] = _encode(
        folder / "varying.mkv", "matroska", "aac", "libx264", frames, times=VARYING_TIMES
    )
    good["late_sound"] = _encode(
        folder / "late.mkv", "matroska", "flac", "libx264", frames, sound_delay=LATE_SECONDS
    )

    bad["without_sound"] = folder / "without_sound.mp4"  # where sound is asked
    write_video(bad["without_sound"], frames, 25)
    for name in ("mp4", "mov", "mkv", "webm"):
        bad[f"truncated_{name}"] = cut(good[name], folder)
    bad["text"] = folder / "text.mp4"
    bad["text"].write_text("This is a note, not a video.\n" * 20)
    bad["playlist"] = _playlist(folder / "list.mp4", good["mp4"])
    bad["silent"] = folder / "silent.mp4"  # where sound is asked
    write_video(bad["silent"], frames, 25, waveform=0 * waveform, sample_rate=44_100)
    return good, bad


LATE_SECONDS = 0.3
"""How much later than its picture the sound of the video with late sound begins."""

VARYING_TIMES = tuple(round(40 * n + 15 * (n % 3) + (300 if n > 10 else 0)) for n in range(20))
"""Milliseconds at which the frames of the video of varying rate are shown."""


def cut(path: Path, folder: Path, share: float = 0.6) -> Path:
    """A copy of a file that ends after a share of its bytes."""
    content = path.read_bytes()
    target = folder / f"cut_{path.name}"
    target.write_bytes(content[: int(len(content) * share)])
    return target


def _encode(
    path: Path,
    muxer: str,
    sound: str,
    video: str | None = None,
    frames: list[np.ndarray] | None = None,
    times: tuple[int, ...] | None = None,
    sound_delay: float = 0.0,
) -> Path:
    """Encode a tone, and frames, by FFmpeg's own encoders."""
    rate = 48_000 if sound == "libopus" else 44_100
    samples = tone(rate, seconds=0.8).T.astype(np.float32)
    with av.open(str(path), "w", format=muxer) as opened:
        picture_stream = None
        if video is not None and frames is not None:
            picture_stream = opened.add_stream(video, rate=25)
            picture_stream.height, picture_stream.width = frames[0].shape[:2]
            picture_stream.pix_fmt = "yuv420p"
            picture_stream.codec_context.thread_count = 1
            picture_stream.codec_context.time_base = Fraction(1, 1000)
        sound_stream = opened.add_stream(sound, rate=rate)
        sound_stream.layout = "mono"
        wanted = sound_stream.codec_context.format
        if picture_stream is not None:
            for n, pixels in enumerate(frames or ()):
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
                frame.pts = times[n] if times else 40 * n
                frame.time_base = Fraction(1, 1000)
                opened.mux(picture_stream.encode(frame))
            opened.mux(picture_stream.encode(None))
        resampler = av.AudioResampler(format=wanted.name if wanted else "s16", layout="mono")
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
        frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
        frame.pts = round(sound_delay * rate)
        for converted in resampler.resample(frame):
            opened.mux(sound_stream.encode(converted))
        opened.mux(sound_stream.encode(None))
    return path


def _wav(path: Path, bits: int, rate: int, content: bytes, content_bytes: int) -> Path:
    header = struct.pack("<HHIIHH", 1, 1, rate, rate * bits // 8, bits // 8, bits)
    path.write_bytes(
        b"RIFF" + struct.pack("<I", content_bytes + 36) + b"WAVE"
        + b"fmt " + struct.pack("<I", 16) + header
        + b"data" + struct.pack("<I", content_bytes) + content
    )  # fmt: skip
    return path


def _wav_of_64_bit_integers(path: Path) -> Path:
    content = (tone()[:, 0] * 2.0**63).astype("<i8").tobytes()
    return _wav(path, 64, 44_100, content, len(content))


def _wav_too_long(path: Path) -> Path:
    """Three hours and ten minutes, as a hole in the file that takes no room."""
    size = 8_000 * (3 * 60 + 10) * 60
    _wav(path, 8, 8_000, b"", size)
    with path.open("r+b") as file:
        file.truncate(44 + size)
    return path


def _playlist(path: Path, target: Path) -> Path:
    path.write_text(
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n"
        f"{target.name}\n#EXTINF:10,\nhttp://127.0.0.1:9/part.ts\n#EXT-X-ENDLIST\n"
    )
    return path


def _png_chunk(name: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content)) + name + content
        + struct.pack(">I", zlib.crc32(name + content))
    )  # fmt: skip


_PNG = b"\x89PNG\r\n\x1a\n"


def _png_header(width: int, height: int, bits: int, colour: int) -> bytes:
    return _png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))


def _png_bomb(path: Path, width: int, height: int) -> Path:
    """A header of many pixels before a few bytes that begin to unpack to them."""
    content = zlib.compress(bytes(10_000_000))
    path.write_bytes(
        _PNG + _png_header(width, height, 8, 2) + _png_chunk(b"IDAT", content)
        + _png_chunk(b"IEND", b"")
    )  # fmt: skip
    return path


def _png_text_bomb(path: Path) -> Path:
    """A small picture whose comment unpacks to 100 MB."""
    packer = zlib.compressobj()
    comment = b"".join(packer.compress(bytes(1_000_000)) for _ in range(100)) + packer.flush()
    path.write_bytes(
        _PNG + _png_header(1, 1, 8, 2) + _png_chunk(b"zTXt", b"Comment\0\0" + comment)
        + _png_chunk(b"IDAT", zlib.compress(bytes(4))) + _png_chunk(b"IEND", b"")
    )  # fmt: skip
    return path


def _png_of_16_bits(path: Path) -> Path:
    """``picture()`` in RGB of 16 bits, which Pillow does not write."""
    pixels = (picture().astype(np.uint16) * 257).astype(">u2")
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    path.write_bytes(
        _PNG + _png_header(width, height, 16, 2) + _png_chunk(b"IDAT", zlib.compress(rows))
        + _png_chunk(b"IEND", b"")
    )  # fmt: skip
    return path


def _exif_with_place() -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F] = "SecretCamera"
    exif[0x013B] = "SecretName"
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)})
    return exif


def _srgb_profile() -> bytes:
    profile = io.BytesIO(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    return profile.getvalue()


def _with_matrix(content: bytes, matrix: tuple[int, int, int, int]) -> bytes:
    """An MP4 file whose first track is shown through ``matrix`` (a, b, c, d)."""
    changed = bytearray(content)
    at = changed.find(b"tkhd") + 4 + 4 + 5 * 4 + 2 * 4 + 4 * 2
    a, b, c, d = (65536 * value for value in matrix)
    struct.pack_into(">9i", changed, at, a, b, 0, c, d, 0, 0, 0, 1 << 30)
    return bytes(changed)
