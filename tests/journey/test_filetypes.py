import pytest

from gateway.journey import filetypes

ROWS = [
    (b"\xff\xd8\xff\xe0\x00\x10JFIF", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF89a", "image/gif"),
    (b"BM\x00\x00", "image/bmp"),
    (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
    (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "image/heic"),
    (b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1avif", "image/avif"),
    (b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00avifmif1", "image/avif"),
    (b"\x00\x00\x00\x18ftypM4A \x00\x00\x00\x00M4A mp42", "audio/mp4"),
    (b"\x00\x00\x00\x18ftyp3gp4\x00\x00\x02\x00", "audio/mp4"),
    (b"RIFF\x00\x00\x00\x00WAVEfmt ", "audio/wav"),
    (b"OggS\x00\x02", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"ID3\x04", "audio/mpeg"),
    (b"\xff\xfb\x90\x00", "audio/mpeg"),
    (b"\xff\xf1\x50\x80", "audio/aac"),
    (b"#!AMR\n", "audio/amr"),
    (b"\x1aE\xdf\xa3\x01", "audio/webm"),
    (b"<svg xmlns='http://www.w3.org/2000/svg'>", None),
    (b"<!doctype html>", None),
    (b"%PDF-1.7", None),
    (b"MZ\x90\x00", None),
    (b"II*\x00", None),
    (b"RIFF\x00\x00\x00\x00AVI LIST", None),
    (b"BEGIN:VCARD", None),
    (b"\xff\xff\xff\xff", None),
    (b"\xff", None),
    (b"", None),
]


@pytest.mark.parametrize(("head", "kind"), ROWS, ids=lambda value: repr(value)[:24])
def test_a_file_is_what_it_begins_as(head: bytes, kind: str | None) -> None:
    assert filetypes.recognise(head) == kind


def test_iphones_photos_need_their_library(monkeypatch: pytest.MonkeyPatch) -> None:
    assert filetypes.can_show("image/heic")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert not filetypes.can_show("image/heic")
    assert filetypes.can_show("image/jpeg")
