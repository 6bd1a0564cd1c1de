from __future__ import annotations

import os
import re
from fractions import Fraction

import av
import numpy as np
import pytest
from moving import make_clip, pictures, read_clip, turn

from stylezoo.errors import VideoError
from stylezoo.video import open_clip
from stylezoo.video.clip import Colour


def test_frames_come_in_order_with_their_times(clip):
    found = open_clip(clip)
    frames = list(found.frames())
    assert (found.width, found.height, found.rate, len(found.times)) == (64, 48, 25, 100)
    assert found.seconds == pytest.approx(4.0)
    assert found.tracks == ["aac"]
    times, expected = read_clip(clip)
    assert [frame.time * found.time_base for frame in frames] == times
    assert all(frame.duration * found.time_base == Fraction(1, 25) for frame in frames)
    close = [np.abs(f.pixels.astype(int) - e).mean() for f, e in zip(frames, expected, strict=True)]
    assert max(close) < 2


def test_reading_from_a_time_gives_the_same_frames(clip):
    found = open_clip(clip)
    every = list(found.frames())
    for number in (1, 37, 99):
        rest = list(found.frames(every[number].time))
        assert [frame.time for frame in rest] == [frame.time for frame in every[number:]]
        assert np.array_equal(rest[0].pixels, every[number].pixels)


def test_a_file_that_cannot_be_sought_in_is_read_from_its_start(tmp_path):
    path = make_clip(tmp_path / "raw.h264", pictures(20), sound=None)
    found = open_clip(path)
    every = list(found.frames())
    assert len(every) == 20
    rest = list(found.frames(every[7].time))
    assert len(rest) == 13
    assert np.array_equal(rest[0].pixels, every[7].pixels)


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        ((1, 0, 0, 1), lambda x: x),
        ((0, 1, -1, 0), lambda x: np.rot90(x, -1)),  # a phone held upright: a quarter turn clockwise
        ((-1, 0, 0, -1), lambda x: np.rot90(x, 2)),
        ((0, -1, 1, 0), lambda x: np.rot90(x, 1)),
        ((-1, 0, 0, 1), lambda x: x[:, ::-1]),  # a selfie
    ],
)
def test_the_picture_is_upright(tmp_path, matrix, expected):
    path = make_clip(tmp_path / "a.mp4", pictures(3), sound=None)
    before = [frame.pixels for frame in open_clip(path).frames()]
    found = open_clip(turn(path, matrix))
    frames = [frame.pixels for frame in found.frames()]
    assert frames[0].shape == (found.height, found.width, 3)
    assert all(np.array_equal(f, expected(b)) for f, b in zip(frames, before, strict=True))


@pytest.mark.parametrize(("matrix", "limits"), [(1, 1), (6, 1), (1, 2), (6, 2), (9, 1)])
def test_colours_are_read_by_the_matrix_and_range_of_the_clip(tmp_path, matrix, limits):
    flat = [np.full((48, 64, 3), colour, np.uint8) for colour in ((200, 40, 30), (20, 160, 90), (30, 60, 220))]
    path = make_clip(tmp_path / "a.mp4", flat, sound=None, colorspace=matrix, color_range=limits)
    found = open_clip(path)
    assert (found.colour.matrix, found.colour.range) == (matrix, limits)
    for frame, wanted in zip(found.frames(), flat, strict=True):
        assert np.abs(frame.pixels.astype(int) - wanted).max() <= 4


def test_a_clip_that_names_no_matrix_has_that_of_its_size(tmp_path):
    small = make_clip(tmp_path / "small.mp4", pictures(2), sound=None)
    large = make_clip(tmp_path / "large.mp4", [np.zeros((720, 1280, 3), np.uint8)] * 2, sound=None)
    assert open_clip(small).colour == Colour(matrix=6)
    assert open_clip(large).colour == Colour(matrix=1)


def test_transparency_is_read(tmp_path):
    frames = [np.dstack([p, np.full(p.shape[:2], 100, np.uint8)]) for p in pictures(3)]
    path = make_clip(tmp_path / "a.mov", frames, codec="qtrle", pixel_format="argb", sound=None)
    found = open_clip(path)
    assert found.alpha
    assert all(np.array_equal(f.pixels, e) for f, e in zip(found.frames(), frames, strict=True))


def refused(path):
    with pytest.raises(VideoError) as caught:
        open_clip(path).check_whole(None)
    message = str(caught.value)
    assert path.name in message
    assert "\n" not in message
    return message


def test_what_is_no_clip_is_refused(tmp_path, clip):
    assert "does not exist" in refused(tmp_path / "none.mp4")
    assert "is a folder" in refused(tmp_path)
    (tmp_path / "empty.mp4").write_bytes(b"")
    assert "is empty" in refused(tmp_path / "empty.mp4")
    (tmp_path / "noise.mp4").write_bytes(np.random.default_rng(0).bytes(5000))
    assert "FFmpeg cannot read" in refused(tmp_path / "noise.mp4")
    (tmp_path / "words.txt").write_text("not a clip\n" * 50)
    refused(tmp_path / "words.txt")
    (tmp_path / "a.mp4").write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])  # its index is at the end
    assert "truncated" in refused(tmp_path / "a.mp4")
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n")
    refused(tmp_path / "list.m3u8")


def test_sound_alone_is_refused(tmp_path):
    path = tmp_path / "sound.m4a"
    with av.open(str(path), "w") as out:
        track = out.add_stream("aac", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
        frame.sample_rate = 48000
        out.mux([*track.encode(frame), *track.encode(None)])
    assert "has sound but no moving picture" in refused(path)


@pytest.mark.parametrize(
    ("suffix", "reason"), [("avi", "no frames"), ("mp4", "no moving picture"), ("mkv", "not a clip")]
)
def test_a_length_of_zero_is_refused(tmp_path, suffix, reason):
    path = tmp_path / f"none.{suffix}"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width = stream.height = 64
        out.start_encoding()
    assert reason in refused(path)


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "avi"])
def test_a_file_that_was_cut_short_says_how_much_is_there(tmp_path, suffix):
    how = {"movflags": "+faststart"} if suffix == "mp4" else {}
    whole = tmp_path / f"whole.{suffix}"
    with av.open(str(whole), "w", container_options=how) as out:
        stream = out.add_stream("mpeg4", rate=25)
        stream.width, stream.height = 64, 48
        for number, pixels in enumerate(pictures(100)):
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    open_clip(whole).check_whole(None)
    cut = tmp_path / f"cut.{suffix}"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    message = refused(cut)
    assert "is truncated" in message
    if suffix != "avi":  # without the index at its end, FFmpeg finds one frame
        assert re.search(r"\d s of 4 s\b", message)
        found = open_clip(cut)
        found.check_whole(found.span(0, 0.5)[1])  # of what there is, a part can be had


def test_damage_in_the_middle_costs_frames_and_no_more(tmp_path):
    path = make_clip(tmp_path / "a.mkv", pictures(60), sound=None, options={"g": "10"})
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 300] = bytes(300)
    path.write_bytes(content)
    assert 30 < len(list(open_clip(path).frames())) <= 60


@pytest.mark.parametrize("matrix", [8, 14])  # YCgCo and ICtCp
def test_colours_that_ffmpeg_cannot_convert_are_refused_at_once(tmp_path, matrix):
    path = make_clip(tmp_path / "a.mkv", pictures(3), sound=None, colorspace=matrix)
    with pytest.raises(VideoError, match=rf"a\.mkv.*matrix {matrix} of H\.273.*BT\.709"):
        open_clip(path)


def test_a_clip_is_read_from_no_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")  # nobody writes into it: to open it would take forever
    with pytest.raises(VideoError, match=r"pipe\.mp4, which is a device or pipe: save it to a file"):
        open_clip(tmp_path / "pipe.mp4")
    with pytest.raises(VideoError, match="stdin: save it to a file"):
        open_clip("-")
