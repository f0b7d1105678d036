"""Which language a text is marked with on a page."""


def speaks(text: str) -> str | None:
    """The language a text is marked with for screen readers: by its script, None when that tells nothing."""
    if any("\u4e00" <= letter <= "\u9fff" for letter in text):
        return "zh"
    return "en" if any(letter.isascii() and letter.isalpha() for letter in text) else None
