"""How many SMS one text becomes (GSM 03.38, 03.40): the carrier counts them and says so in `NumSegments`."""

GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_ESCAPED = frozenset("^{}\\[~]|€\f")


def count_segments(text: str) -> int:
    """The number of SMS needed: 160 septets alone or 153 in parts, else 70 or 67 UTF-16 units."""
    if all(letter in GSM_BASIC or letter in GSM_ESCAPED for letter in text):
        return _pack([2 if letter in GSM_ESCAPED else 1 for letter in text], 160, 153)
    return _pack([2 if ord(letter) > 0xFFFF else 1 for letter in text], 70, 67)


def _pack(widths: list[int], alone: int, part: int) -> int:
    """Fill parts one after the other; what takes two units is never cut in half."""
    if sum(widths) <= alone:
        return 1
    parts, used = 1, 0
    for width in widths:
        if used + width > part:
            parts, used = parts + 1, 0
        used += width
    return parts
