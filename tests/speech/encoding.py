"""The sample utterances in every format that carriers, browsers and telephones record in.

AMR lies beside this as it was encoded: newer PyAV cannot. `recordings/*.amr` are the 8 kHz utterances at 12.2 kbit/s by
PyAV 18.1 (libopencore_amrnb), `zh-000.awb` is the first Chinese one at 23.85 kbit/s by libvo-amrwbenc 0.1.3.
"""

import io
from dataclasses import dataclass
from pathlib import Path

import av

DEMO = Path(__file__).parents[2] / "gateway/simulator/demo_speech"
RECORDINGS = Path(__file__).parent / "recordings"


@dataclass(frozen=True, slots=True)
class Format:
    """A container and codec, at which sample rate, and how a file of it is named."""

    container: str
    codec: str
    rate: int
    name: str
    type: str


FORMATS = {
    "wav": Format("wav", "pcm_s16le", 16_000, "said.wav", "audio/wav"),
    "mu-law wav": Format("wav", "pcm_mulaw", 8_000, "said.wav", "audio/x-wav"),
    "a-law wav": Format("wav", "pcm_alaw", 8_000, "said.wav", "audio/x-wav"),
    "mp3": Format("mp3", "libmp3lame", 22_050, "said.mp3", "audio/mpeg"),
    "opus in ogg": Format("ogg", "libopus", 48_000, "said.ogg", "audio/ogg"),
    "opus in webm": Format("webm", "libopus", 48_000, "said.webm", "audio/webm"),
    "aac in m4a": Format("ipod", "aac", 44_100, "said.m4a", "audio/mp4"),
    "aac in 3gp": Format("3gp", "aac", 44_100, "said.3gp", "audio/3gpp"),
    "flac": Format("flac", "flac", 16_000, "said.flac", "audio/flac"),
}
AMR = Format("amr", "amr_nb", 8_000, "said.amr", "audio/amr")


def encoded(sound: bytes, to: Format, layout: str = "mono") -> bytes:
    """A WAV in another format."""
    file = io.BytesIO()
    with av.open(io.BytesIO(sound), "r") as source, av.open(file, "w", format=to.container) as out:
        stream = out.add_stream(to.codec, rate=to.rate, layout=layout)
        assert isinstance(stream, av.AudioStream)
        resampler = av.AudioResampler(format=stream.codec_context.format, layout=layout, rate=to.rate)
        for frame in source.decode(audio=0):
            for piece in resampler.resample(frame):
                out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    return file.getvalue()


def amr(language: str, stem: str) -> bytes:
    """An utterance as telephones of the last twenty years record it."""
    return (RECORDINGS / f"{language}-{stem[:3]}.amr").read_bytes()


def repacked(sound: bytes, container: str) -> bytes:
    """The same coded sound in another container."""
    file = io.BytesIO()
    with av.open(io.BytesIO(sound), "r") as source, av.open(file, "w", format=container) as out:
        stream = out.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    return file.getvalue()
