"""Sound as telephone networks carry it: µ-law and A-law (ITU-T G.711), one byte a sample, to and from s16le PCM.

Pure table work: a decoder for 256 codes, and an encoder for each of the 65,536 samples, made when first asked for.
"""

from array import array
from collections.abc import Callable
from functools import cache
from itertools import chain

# µ-law: the bias that makes the segments' borders powers of two, and the loudest of its 14 bits.
_BIAS, _CLIP = 33, 8158
_INVERTED = 0xFF
# A-law inverts every other bit.
_EVEN = 0x55


def ulaw_to_pcm(data: bytes) -> bytes:
    """µ-law as 16-bit samples."""
    return _expanded(data, *_halves(_ulaw_sample))


def alaw_to_pcm(data: bytes) -> bytes:
    """A-law as 16-bit samples."""
    return _expanded(data, *_halves(_alaw_sample))


def pcm_to_ulaw(pcm: bytes) -> bytes:
    """16-bit samples (whole ones) as µ-law."""
    return bytes(map(_codes(_ulaw_code).__getitem__, array("H", pcm)))


def pcm_to_alaw(pcm: bytes) -> bytes:
    """16-bit samples (whole ones) as A-law."""
    return bytes(map(_codes(_alaw_code).__getitem__, array("H", pcm)))


def _expanded(data: bytes, low: bytes, high: bytes) -> bytes:
    pcm = bytearray(2 * len(data))
    pcm[0::2], pcm[1::2] = data.translate(low), data.translate(high)
    return bytes(pcm)


@cache
def _halves(sample: Callable[[int], int]) -> tuple[bytes, bytes]:
    """The lower and the higher byte of the sample that each code stands for."""
    samples = [sample(code) & 0xFFFF for code in range(256)]
    return bytes(one & 0xFF for one in samples), bytes(one >> 8 for one in samples)


@cache
def _codes(code: Callable[[int], int]) -> bytes:
    """The code of each sample, in the order of samples read as unsigned numbers: 0 to 32767, then -32768 to -1."""
    return bytes(code(sample) for sample in chain(range(32768), range(-32768, 0)))


def _ulaw_sample(code: int) -> int:
    code ^= _INVERTED
    value = (((code & 0x0F) << 1) + _BIAS << (code >> 4 & 7)) - _BIAS
    return (-value if code & 0x80 else value) * 4


def _ulaw_code(sample: int) -> int:
    value = min(abs(sample >> 2), _CLIP) + _BIAS
    segment = value.bit_length() - 6
    code = segment << 4 | value >> segment + 1 & 0x0F
    return (code | (0x80 if sample < 0 else 0)) ^ _INVERTED


def _alaw_sample(code: int) -> int:
    code ^= _EVEN
    segment, value = code >> 4 & 7, (code & 0x0F) * 2 + 1
    value = value + 32 << segment - 1 if segment else value
    return (value if code & 0x80 else -value) * 8


def _alaw_code(sample: int) -> int:
    value = sample >> 3
    mask = 0xD5 if value >= 0 else _EVEN
    value = value if value >= 0 else -value - 1
    segment = max(value.bit_length() - 5, 0)
    return (segment << 4 | value >> max(segment, 1) & 0x0F) ^ mask
