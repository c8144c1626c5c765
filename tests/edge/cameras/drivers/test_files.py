"""Pictures and folders of pictures as a camera."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from hemato_edge.cameras.camera import EndOfFrames, OpenCamera
from hemato_edge.cameras.demo.slide import draw_field
from hemato_edge.cameras.drivers.files import FilesCamera
from hemato_edge.cameras.picture_files import MAX_PIXELS, check_picture, read_pages, read_picture
from hemato_edge.errors import CameraError, DamagedImageError, ImageError


@pytest.fixture(scope="module")
def field() -> np.ndarray:
    return draw_field(1)[0]


def save(path: Path, image: np.ndarray) -> Path:
    assert cv2.imwrite(str(path), image)
    return path


def test_a_picture_comes_back_as_it_was(tmp_path: Path, field: np.ndarray) -> None:
    assert np.array_equal(read_picture(save(tmp_path / "féld 1.png", field)), field)


def test_an_alpha_channel_is_left_out(tmp_path: Path, field: np.ndarray) -> None:
    path = save(tmp_path / "a.png", np.dstack([field, np.full(field.shape[:2], 255, np.uint8)]))
    assert np.array_equal(read_picture(path), field)


@pytest.mark.parametrize(
    ("name", "make", "said"),
    [
        ("real.tif", lambda f: f.astype(np.float32), "32 bits"),
        ("deep_grey.png", lambda f: f[:, :, 1].astype(np.uint16) * 257, "grey"),
        ("grey.png", lambda f: f[:, :, 1], "grey"),
        ("grey3.jpg", lambda f: np.repeat(f[:, :, 1:2], 3, axis=2), "grey"),
        ("tiny.png", lambda f: f[:20, :30], "30×20 pixels"),
    ],
)
def test_what_cannot_be_judged_is_refused_with_the_reason(tmp_path: Path, field, name: str, make, said: str) -> None:
    path = save(tmp_path / name, make(field))
    with pytest.raises(ImageError, match=said) as caught:
        read_picture(path)
    assert caught.value.fix
    assert caught.value.exit_code == 8


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
@pytest.mark.parametrize("name", ["deep.png", "deep.tif"])
def test_deep_pictures_are_brought_to_eight_bits(tmp_path: Path, field: np.ndarray, name: str, bits: int) -> None:
    field = np.maximum(field, np.where(np.arange(field.size).reshape(field.shape) == 0, 255, 0)).astype(np.uint8)
    deep = np.rint(field * (((1 << bits) - 1) / 255)).astype(np.uint16)
    assert np.array_equal(read_picture(save(tmp_path / name, deep)), field)


def test_how_deep_pictures_are_read_is_said_once(tmp_path: Path, field: np.ndarray) -> None:
    """On the screen of a process of its own: what was said stays said."""
    folder = tmp_path / "deep"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        save(folder / name, field.astype(np.uint16) * 257)
    read = "import sys; from pathlib import Path; from hemato_edge.cameras.picture_files import read_picture; "
    read += "[read_picture(path) for path in sorted(Path(sys.argv[1]).iterdir())]"
    done = subprocess.run([sys.executable, "-c", read, str(folder)], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines() == ["pictures with 16 bits a channel in use are read with 8, scaled by that range"]


def test_every_page_of_a_tiff_is_a_field(tmp_path: Path, field: np.ndarray) -> None:
    pages = [field, np.ascontiguousarray(field[::-1]), np.ascontiguousarray(field[:, ::-1])]
    path = tmp_path / "stack.tif"
    assert cv2.imwritemulti(str(path), pages)
    assert all(np.array_equal(a, b) for a, b in zip(read_pages(path), pages, strict=True))
    camera = FilesCamera(path)
    camera.open()
    frames = [camera.read(1.0) for _ in pages]
    assert [frame.source for frame in frames] == [f"{path}[{i}]" for i in (1, 2, 3)]
    assert all(frame.independent for frame in frames)
    with pytest.raises(EndOfFrames):
        camera.read(1.0)


def test_channels_that_are_pages_of_their_own_are_told(tmp_path: Path, field: np.ndarray) -> None:
    """Composites of ImageJ, and OME-TIFF whose channels are not interleaved."""
    path = tmp_path / "composite.tif"
    assert cv2.imwritemulti(str(path), list(cv2.split(field)))
    with pytest.raises(ImageError, match="3 grey pages, as where each channel") as refused:
        read_pages(path)
    assert "RGB" in str(refused.value)
    assert len(read_pages(path, colour=False)) == 3
    assert cv2.imwritemulti(str(path), [field, cv2.split(field)[0]])
    with pytest.raises(ImageError, match=r"composite.tif\[2\] is grey"):
        read_pages(path)


def test_smaller_copies_in_a_tiff_are_no_fields(tmp_path: Path, field: np.ndarray) -> None:
    """The levels of a pyramid and a thumbnail show the same cells once more."""
    path = tmp_path / "pyramid.tif"
    path.write_bytes(tiff([(field, 0), (field[::2, ::2], 1), (field[::4, ::4], 1)]))
    (read,) = read_pages(path)
    assert np.array_equal(read, field)
    with OpenCamera(FilesCamera(path)) as camera:
        assert camera.read(1.0).source == str(path)
        with pytest.raises(EndOfFrames):
            camera.read(1.0)


def test_a_tiff_of_smaller_copies_alone_is_read_as_it_is(tmp_path: Path, field: np.ndarray) -> None:
    path = tmp_path / "copies.tif"
    path.write_bytes(tiff([(field, 1), (field[::-1], 1)]))
    assert len(read_pages(path)) == 2


def test_a_tiff_whose_second_page_is_lost_is_damaged(tmp_path: Path, field: np.ndarray) -> None:
    """OpenCV gives none of the pages then, and the first one when asked for one picture."""
    path = tmp_path / "stack.tif"
    assert cv2.imwritemulti(str(path), [field, np.ascontiguousarray(field[::-1])])
    whole = path.read_bytes()
    for content, why in ((whole[: len(whole) * 3 // 4], "cut off"), (undecodable(whole), "not all can be decoded")):
        path.write_bytes(content)
        with pytest.raises(DamagedImageError, match=why):
            read_pages(path)


@pytest.mark.skipif(os.name != "posix", reason="named pipes are POSIX's")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ImageError, match="is a pipe or a device"):
        read_picture(tmp_path / "pipe.png")


@pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (3, 2), (6, 3), (8, 1)])
def test_a_picture_is_turned_as_its_orientation_says(
    tmp_path: Path, field: np.ndarray, orientation: int, turns: int
) -> None:
    coded = bytes(cv2.imencode(".jpg", field, [cv2.IMWRITE_JPEG_QUALITY, 100])[1])
    entry = b"\x01\x12\x00\x03\x00\x00\x00\x01" + bytes([0, orientation, 0, 0])
    exif = b"Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08\x00\x01" + entry + bytes(4)
    path = tmp_path / "phone.jpg"
    path.write_bytes(coded[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + coded[2:])
    plain = cv2.imdecode(np.frombuffer(coded, np.uint8), cv2.IMREAD_COLOR)
    assert np.array_equal(read_picture(path), np.rot90(plain, turns))


def test_a_huge_picture_is_refused() -> None:
    huge = np.broadcast_to(np.zeros((1, 1, 3), np.uint8), (MAX_PIXELS // 8000 + 1, 8000, 3))
    with pytest.raises(ImageError, match="64 megapixels|65 megapixels|the most is 64"):
        check_picture(huge, "huge.png")


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\xff\xd8\xff\xe0" + b"\0" * 50])
def test_damaged_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.jpg"
    path.write_bytes(content)
    with pytest.raises(ImageError, match="not a picture|is damaged: it is cut off"):
        read_picture(path)


def test_a_damaged_picture_is_left_out_and_counted_as_such(tmp_path: Path) -> None:
    good = bytes(cv2.imencode(".jpg", draw_field(1)[0])[1])
    (tmp_path / "1.jpg").write_bytes(good)
    (tmp_path / "2.jpg").write_bytes(good[:-3000])
    (tmp_path / "3.jpg").write_bytes(good[:9000] + bytes(512) + good[9512:])
    (tmp_path / "4.jpg").write_bytes(b"not a picture")
    with OpenCamera(FilesCamera(tmp_path)) as camera:
        assert Path(camera.read(1.0).source).name == "1.jpg"
        with pytest.raises(EndOfFrames):
            camera.read(1.0)
        assert camera.skipped == {"damaged": 2, "unreadable": 1}


def test_a_picture_that_is_there_twice_is_counted_once(tmp_path: Path) -> None:
    for name, seed in (("1.png", 1), ("2.png", 2), ("3.png", 1), ("4.png", 1)):
        cv2.imwrite(str(tmp_path / name), draw_field(seed)[0])
    with OpenCamera(FilesCamera(tmp_path)) as camera:
        assert [Path(camera.read(1.0).source).name for _ in range(2)] == ["1.png", "2.png"]
        with pytest.raises(EndOfFrames):
            camera.read(1.0)
        assert camera.skipped == {"identical": 2}


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no picture"):
        read_picture(tmp_path / "none.png")
    with pytest.raises(ImageError, match="is a folder"):
        read_picture(tmp_path)


def test_a_folder_is_read_in_the_order_of_its_numbers(tmp_path: Path, field: np.ndarray) -> None:
    for shift, name in enumerate(("10.png", "9.png", "b.png", "1.PNG", "notes.txt")):
        if name.endswith("txt"):
            (tmp_path / name).write_text("no picture")
        else:
            save(tmp_path / name.lower(), np.roll(field, shift, axis=1)).rename(tmp_path / name)
    camera = FilesCamera(tmp_path)
    with OpenCamera(camera):
        frames = [camera.read(1) for _ in range(4)]
        with pytest.raises(EndOfFrames):
            camera.read(1)
    assert [Path(f.source).name for f in frames] == ["1.PNG", "9.png", "10.png", "b.png"]
    assert all(f.independent for f in frames)
    assert camera.total_frames == 4


def test_a_bad_file_in_a_folder_is_left_out_counted_and_named(tmp_path: Path, field: np.ndarray, caplog) -> None:
    save(tmp_path / "1.png", field)
    (tmp_path / "2.png").write_bytes(b"broken")
    save(tmp_path / "3.png", field[::-1])
    camera = FilesCamera(tmp_path)
    with OpenCamera(camera):
        assert [camera.read(1).index, camera.read(1).index] == [0, 2]
    assert camera.skipped == {"unreadable": 1}
    assert "2.png is not a picture" in caplog.text


def test_one_bad_picture_says_why(tmp_path: Path) -> None:
    path = tmp_path / "one.png"
    path.write_bytes(b"broken")
    with OpenCamera(FilesCamera(path)) as camera, pytest.raises(ImageError, match="not a picture"):
        camera.read(1)


def test_an_empty_folder_is_no_camera(tmp_path: Path) -> None:
    with pytest.raises(CameraError, match="no picture in"), OpenCamera(FilesCamera(tmp_path)):
        pass


@pytest.mark.parametrize(
    "content",
    [
        b"\x89PNG\r\n\x1a\nNG\r\n\x1a\n",  # found by fuzzing: 2.6 s and 1.3 GB within OpenCV 4.11
        b"\x89PNG\r\n\x1a\n\x7f\xff\xff\xffIDAT" + bytes(100),
        b"\x89PNG\r\n\x1a\n",
    ],
)
def test_a_png_whose_chunks_do_not_fit_never_reaches_the_decoder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("it was given to the decoder"))
    path = tmp_path / "x.png"
    path.write_bytes(content)
    with pytest.raises(ImageError, match="damaged"):
        read_picture(path)


def test_a_png_with_something_behind_its_end_is_read(tmp_path: Path) -> None:
    picture = draw_field(1)[0]
    good, content = cv2.imencode(".png", picture)
    assert good
    path = tmp_path / "x.png"
    path.write_bytes(bytes(content) + b"\0" * 13 + b"appended")
    assert np.array_equal(read_picture(path), picture)


def tiff(pages: list[tuple[np.ndarray, int]]) -> bytes:
    """An uncompressed TIFF of (H, W, 3) uint8 BGR pages, each with its NewSubfileType."""
    out = bytearray(b"II*\0" + bytes(4))
    link = 4
    for picture, kind in pages:
        data, (height, width) = np.ascontiguousarray(picture[..., ::-1]).tobytes(), picture.shape[:2]
        depths, start = len(out), len(out) + 6
        out += struct.pack("<3H", 8, 8, 8) + data
        out += bytes(len(out) % 2)
        out[link : link + 4] = struct.pack("<I", len(out))
        tags = [(254, 4, 1, kind), (256, 4, 1, width), (257, 4, 1, height), (258, 3, 3, depths), (259, 3, 1, 1)]
        tags += [(262, 3, 1, 2), (273, 4, 1, start), (277, 3, 1, 3), (278, 4, 1, height), (279, 4, 1, len(data))]
        out += struct.pack("<H", len(tags)) + b"".join(struct.pack("<2H2I", *tag) for tag in tags) + bytes(4)
        link = len(out) - 4
    return bytes(out)


def undecodable(stack: bytes) -> bytes:
    """A TIFF whose last page has a compression that nobody knows."""
    at, last = struct.unpack_from("<I", stack, 4)[0], 0
    while at:
        last, entries = at, struct.unpack_from("<H", stack, at)[0]
        at = struct.unpack_from("<I", stack, at + 2 + 12 * entries)[0]
    changed = bytearray(stack)
    for entry in range(last + 2, last + 2 + 12 * struct.unpack_from("<H", stack, last)[0], 12):
        if struct.unpack_from("<H", stack, entry)[0] == 259:
            changed[entry + 8 : entry + 10] = struct.pack("<H", 64999)
    return bytes(changed)
