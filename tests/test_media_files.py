"""Kinds, limits, atomic writing and metadata: what all media files have in common."""

import errno
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sightsound.errors import ConfigError, MediaError
from sightsound.media import ogg
from sightsound.media.audio import AudioWriter, write_audio
from sightsound.media.containers import open_container
from sightsound.media.files import atomic_path, shown, write_bytes
from sightsound.media.image import write_animation, write_image
from sightsound.media.kinds import container_of, media_kind, output_kind
from sightsound.media.limits import Limits
from sightsound.media.metadata import read_metadata
from sightsound.media.video import write_video

NOISE = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 44_100)).astype(np.float32)
PIXELS = np.random.default_rng(0).integers(0, 255, (6, 64, 64, 3)).astype(np.uint8)
METADATA = {"seed": "7", "synthetic": "true", "model": "ab" * 32, "note": 'größer – 音 "x" \\ \''}

WRITERS: dict[str, Callable[[Path, dict[str, str] | None], None]] = {
    **{
        f"sound.{suffix}": lambda path, metadata: write_audio(
            path, NOISE, 44_100, metadata=metadata
        )
        for suffix in ("wav", "flac", "ogg", "mp3", "m4a")
    },
    **{
        f"picture.{suffix}": lambda path, metadata: write_image(path, PIXELS[0], metadata=metadata)
        for suffix in ("png", "jpg", "webp")
    },
    **{
        f"animation.{suffix}": lambda path, metadata: write_animation(
            path, PIXELS, 25, metadata=metadata
        )
        for suffix in ("png", "gif", "webp")
    },
    "video.mp4": lambda path, metadata: write_video(
        path, PIXELS, 25, waveform=NOISE, sample_rate=44_100, metadata=metadata
    ),
}
every_writer = pytest.mark.parametrize("name", WRITERS)


@every_writer
def test_metadata_comes_back(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name, METADATA)
    assert read_metadata(tmp_path / name) == METADATA
    WRITERS[name](tmp_path / name, None)
    assert not set(METADATA) & set(read_metadata(tmp_path / name))


@every_writer
def test_equal_input_gives_equal_bytes(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name, METADATA)
    first = (tmp_path / name).read_bytes()
    if name.endswith("ogg"):
        # libsndfile numbers its streams by the second.
        code = (
            "import sys, time; sys.path.insert(0, 'tests'); time.sleep(1.05)\n"
            "from pathlib import Path; import test_media_files as t\n"
            f"t.WRITERS[{name!r}](Path({str(tmp_path / name)!r}), t.METADATA)"
        )
        root = Path(__file__).parents[1]
        subprocess.run([sys.executable, "-c", code], check=True, cwd=root)
    else:
        WRITERS[name](tmp_path / name, METADATA)
    assert (tmp_path / name).read_bytes() == first


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """The kernel refuses to let any file of this process grow beyond ``size`` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@every_writer
def test_a_refused_write_leaves_what_was_there(
    name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    path.write_bytes(b"what was there")
    size = 100
    with largest_file(size), pytest.raises(MediaError, match="cannot be written") as caught:
        WRITERS[name](path, METADATA)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert path.read_bytes() == b"what was there"
    assert list(tmp_path.iterdir()) == [path]
    assert capfd.readouterr().err == ""


@every_writer
def test_a_full_disk_is_one_line(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(MediaError, match=r"No space left on device.*free some space"):
        WRITERS[name](tmp_path / name, METADATA)
    assert list(tmp_path.iterdir()) == []


@every_writer
def test_an_unwritable_folder_is_one_line(name: str, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="missing or no folder"):
        WRITERS[name](tmp_path / "missing" / name, METADATA)
    (tmp_path / "file").touch()
    with pytest.raises(MediaError, match=r"cannot be written|missing or no folder"):
        WRITERS[name](tmp_path / "file" / name, METADATA)
    (tmp_path / name).mkdir()
    with pytest.raises(MediaError, match="is a folder"):
        WRITERS[name](tmp_path / name, METADATA)
    with pytest.raises(MediaError):
        WRITERS[name](Path("/proc/self") / name, METADATA)


def test_a_folder_without_permission_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o500)
    if os.geteuid() == 0:  # root may write everywhere, so the system's answer is played

        def refuse(path: str, *_: object) -> int:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

        monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(MediaError, match="folder that you may write to"):
        write_bytes(tmp_path / "x", b"x")


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
@pytest.mark.parametrize("name", ["x.wav", "x.ogg", "x.m4a"])
def test_a_broken_off_sound_leaves_nothing(
    name: str, error: type[BaseException], tmp_path: Path
) -> None:
    def write() -> None:
        with AudioWriter(tmp_path / name, 44_100, 2) as writer:
            writer.write(NOISE)
            raise error

    with pytest.raises(error):
        write()
    assert list(tmp_path.iterdir()) == []


def test_a_broken_off_video_leaves_nothing(tmp_path: Path) -> None:
    def frames() -> Iterator[np.ndarray]:
        yield PIXELS[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_video(tmp_path / "x.mp4", frames(), 25)
    assert list(tmp_path.iterdir()) == []


def test_another_files_error_passes_through_a_write(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "x"):
        (tmp_path / "y").read_bytes()


def test_a_device_or_link_is_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no regular file"):
        write_bytes("/dev/null", b"x")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write_bytes(tmp_path / "link", b"x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"x"


def test_a_written_file_has_the_usual_permissions(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    write_bytes(tmp_path / "ours", b"x")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_name_is_shown_on_one_line() -> None:
    assert shown("a\nb\x1b[31m\udcff ü") == r"a\nb\x1b[31m\udcff ü"


@settings(max_examples=30, deadline=None)
@given(
    metadata=st.dictionaries(
        st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,30}", fullmatch=True),
        st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=40),
        max_size=5,
    )
)
@pytest.mark.parametrize("name", ["x.png", "x.jpg", "x.webp", "x.wav", "x.flac", "x.m4a"])
def test_any_metadata_comes_back(
    name: str, metadata: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / name
    if path.suffix in (".png", ".jpg", ".webp"):
        write_image(path, PIXELS[0, :8, :8], metadata=metadata)
    else:
        write_audio(path, NOISE[:1, :22_050], 44_100, metadata=metadata)
    if metadata:
        assert read_metadata(path) == metadata


@pytest.mark.parametrize("name", ["x.png", "x.jpg", "x.flac", "x.m4a"])
def test_too_much_metadata_is_refused(name: str, tmp_path: Path) -> None:
    write = write_image if name[-3:] in ("png", "jpg") else None
    metadata = {"note": "x" * 59_000}
    if write:
        write(tmp_path / name, PIXELS[0], metadata=metadata)
    else:
        write_audio(tmp_path / name, NOISE, 44_100, metadata=metadata)
    assert read_metadata(tmp_path / name) == metadata
    with pytest.raises(MediaError, match="at most 60000"):
        write_image(tmp_path / "y.jpg", PIXELS[0], metadata={"note": "x" * 60_000})


def test_the_ogg_checksum_is_the_one_of_the_format() -> None:
    # libogg's polynomial over b"123456789", most significant bit first, no inversion (CRC-32/MPEG-2
    # inverts its start; this one does not).
    crc = 0
    for byte in b"123456789":  # a second, bitwise way
        for bit in range(7, -1, -1):
            top = crc >> 31 ^ byte >> bit & 1
            crc = (crc << 1) & 0xFFFFFFFF ^ (0x04C11DB7 if top else 0)
    assert ogg.page_checksum(b"123456789") == crc


def test_limits_come_from_the_environment() -> None:
    limits = Limits.from_environment({"SIGHTSOUND_MAX_PIXELS": "10", "SIGHTSOUND_MIN_SECONDS": "2"})
    assert limits == Limits(max_pixels=10, min_seconds=2.0)
    for text in ("many", "1.5", "-1", "nan"):
        with pytest.raises(ConfigError, match="SIGHTSOUND_MAX_PIXELS"):
            Limits.from_environment({"SIGHTSOUND_MAX_PIXELS": text})
    with pytest.raises(ConfigError):
        Limits.from_environment({"SIGHTSOUND_MAX_SECONDS": "inf"})


def test_the_environment_counts_where_no_limits_are_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_audio(tmp_path / "x.wav", NOISE, 44_100)
    assert media_kind(tmp_path / "x.wav") == "sound"
    monkeypatch.setenv("SIGHTSOUND_MAX_FILE_BYTES", "1000")
    with pytest.raises(MediaError, match="raise SIGHTSOUND_MAX_FILE_BYTES"):
        media_kind(tmp_path / "x.wav")


def test_output_kinds() -> None:
    kinds = {name: output_kind(name) for name in ("a.WAV", "a.flac", "a.jpeg", "a.gif", "a.mp4")}
    assert list(kinds.values()) == ["sound", "sound", "image", "image", "video"]
    for name in ("a", "a.xyz", "a.avi", "folder.wav/a"):
        with pytest.raises(MediaError, match=r"\.wav, \.flac.*\.png.*\.mp4"):
            output_kind(name)


@every_writer
def test_media_kind_is_told_by_content(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name, None)
    expected = {"animation": "image", "picture": "image"}.get(
        name.split(".")[0], name.split(".")[0]
    )
    assert media_kind(tmp_path / name) == expected
    bare = tmp_path / "bare"
    bare.write_bytes((tmp_path / name).read_bytes())
    assert media_kind(bare) == expected


@given(st.binary(max_size=64))
def test_no_head_breaks_the_look_at_it(head: bytes) -> None:
    container_of("x.wav", head)
    container_of("x.mp3", head)


@pytest.mark.parametrize("container", ["mov", "wav", "mp3", "ogg", "matroska"])
def test_ffmpeg_follows_no_playlist(container: str, tmp_path: Path) -> None:
    # Beneath the look at the content: even a playlist that came this far is not followed.
    write_audio(tmp_path / "real.m4a", NOISE, 44_100)
    for name, content in (
        ("list.m4a", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nreal.m4a\n#EXT-X-ENDLIST\n"),
        ("list.mp4", "ffconcat version 1.0\nfile 'real.m4a'\n"),
    ):
        path = tmp_path / name
        path.write_text(content)
        with (
            pytest.raises(MediaError, match="damaged"),
            open_container(path, container) as opened,  # type: ignore[arg-type]
        ):
            next(opened.decode(audio=0))


def test_a_name_that_looks_like_an_address_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_audio("concat:x.m4a", NOISE, 44_100)
    assert media_kind("concat:x.m4a") == "sound"
    with open_container(Path("concat:x.m4a"), "mov") as opened:
        assert len(opened.streams.audio) == 1
