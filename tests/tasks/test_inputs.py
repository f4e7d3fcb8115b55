"""Pictures and videos come from files, the web, base64, arrays; what is none is a clear error."""

from __future__ import annotations

import base64
import io
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch

from automodel_core.errors import InputError, MissingExtraError
from automodel_core.tasks.inputs import documents, fetching
from automodel_core.tasks.inputs.documents import given_words, read_words
from automodel_core.tasks.inputs.fetching import fetch
from automodel_core.tasks.inputs.pictures import picture
from automodel_core.tasks.inputs.videos import frames, places
from automodel_core.vision import video_files

Image: Any = pytest.importorskip("PIL.Image")


def drawn(mode: str = "RGB", size: tuple[int, int] = (6, 4)) -> Any:
    values = bytes((7 * place) % 256 for place in range(size[0] * size[1] * 3))
    return Image.frombytes("RGB", size, values).convert(mode)


def written(image: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", **options)
    return file.getvalue()


class Answers(BaseHTTPRequestHandler):
    """Serves a picture, what is too much, and ways that lead elsewhere."""

    def do_GET(self) -> None:
        moved = {"/file": "file:///etc/hostname", "/round": "/round", "/moved": "/picture"}
        if self.path in moved:
            self.send_response(302)
            self.send_header("Location", moved[self.path])
            self.end_headers()
            return
        self.send_response(200 if self.path != "/missing" else 404)
        self.end_headers()
        content = {"/picture": written(drawn()), "/long": bytes(2**21)}.get(self.path, b"text")
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("no_proxy", "*")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_picture_may_be_given_in_many_ways(tmp_path: Path, web: str) -> None:
    content = written(drawn())
    (tmp_path / "a.png").write_bytes(content)
    text = base64.b64encode(content).decode()
    expected = picture(drawn())
    assert expected.shape == (3, 4, 6)
    for source in (
        str(tmp_path / "a.png"),
        tmp_path / "a.png",
        content,
        text,
        f"data:image/png;base64,{text}",
        expected,
        f"{web}/picture",
        f"{web}/moved",
    ):
        assert torch.equal(picture(source), expected)


def test_a_picture_is_seen_as_a_viewer_shows_it(tmp_path: Path) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    content = written(drawn(), exif=turned)
    (tmp_path / "a.png").write_bytes(content)
    with Image.open(tmp_path / "a.png") as opened:
        for source in (content, tmp_path / "a.png", opened):
            assert picture(source).shape == (3, 6, 4)
    for mode in ("L", "P", "CMYK", "RGBA", "1"):
        assert picture(drawn(mode)).shape == (3, 4, 6)


@pytest.mark.parametrize(
    "source", ["no such file.png", "data:image/png;base64,!!", b"text", 7, None]
)
def test_what_is_no_picture_is_refused(source: Any) -> None:
    with pytest.raises(InputError):
        picture(source)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/missing", "404"),
        ("/file", "not allowed"),
        ("/round", "redirect"),
        ("/long", "more than"),
        ("/text", "not an image"),
    ],
)
def test_the_web_is_read_within_limits(
    web: str, path: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "MOST_BYTES", 2**20)
    with pytest.raises(InputError, match=said):
        picture(web + path)


def test_time_and_network_are_bounded(web: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"took more than .* seconds|cannot be fetched"):
        fetch(f"{web}/picture", timeout=1e-9)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(InputError, match="HF_HUB_OFFLINE is set"):
        fetch(f"{web}/picture")


def test_frames_are_taken_of_lists_and_arrays() -> None:
    assert places(4, 1) == [0, 1, 2, 3]
    assert places(4, 2) == [0, 2, 4, 7]
    assert places(1, 3) == [0]
    video = torch.arange(8 * 3 * 2 * 4, dtype=torch.uint8).view(8, 3, 2, 4)
    for source in (video, list(video), tuple(video)):
        found = frames(source, places(4, 2))
        assert torch.equal(torch.stack(found), video[[0, 2, 4, 7]])
    assert len(frames(video, places(8, 3))) == 8
    with pytest.raises(InputError, match="has 8 frames, and frame 11"):
        frames(video, places(4, 3))
    with pytest.raises(InputError, match="a list of frames"):
        frames(7, [0])


def test_files_of_videos_need_a_decoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    (tmp_path / "a.mp4").touch()
    monkeypatch.setattr(video_files, "import_module", missing)
    with pytest.raises(MissingExtraError, match=r"'automodel-core\[video\]'; frames may be given"):
        frames(str(tmp_path / "a.mp4"), [0])
    monkeypatch.setattr(documents, "import_module", missing)
    with pytest.raises(MissingExtraError, match="pytesseract; or give word_boxes="):
        read_words(torch.zeros(3, 4, 4))


def test_words_are_read_with_their_boxes(monkeypatch: pytest.MonkeyPatch) -> None:
    class Reader:
        @staticmethod
        def image_to_data(image: Any, **_: Any) -> Any:
            assert image.size == (200, 100)
            return {
                "text": ["one", " ", "two"],
                "left": [0, 0, 100],
                "top": [10, 0, 50],
                "width": [50, 1, 100],
                "height": [10, 1, 25],
            }

    monkeypatch.setattr(documents, "import_module", lambda name: Reader)
    words, boxes = read_words(torch.zeros(3, 100, 200, dtype=torch.uint8))
    assert words == ["one", "two"]
    assert boxes == [[0, 100, 250, 200], [500, 500, 1000, 750]]
    assert given_words([("a", (1, 2, 3, 4))]) == (["a"], [[1, 2, 3, 4]])
    for wrong in (["a"], [("a", [1, 2])], [("a", "b", "c")]):
        with pytest.raises(InputError):
            given_words(wrong)
