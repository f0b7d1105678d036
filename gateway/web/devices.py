"""What somebody is on, roughly, as the list of sessions tells them apart: "Firefox, Linux"."""

# By the first of these words in a User-Agent header (RFC 9110 section 10.1.5): most browsers also name those they are
# like, so the particular ones come first.
BROWSERS = (
    ("MicroMessenger", "WeChat"),
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrom", "Chrome"),
    ("Safari", "Safari"),
)
SYSTEMS = (
    ("Android", "Android"),
    ("HarmonyOS", "HarmonyOS"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Mac OS", "macOS"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
LONGEST = 64


def device(agent: str) -> str | None:
    """A browser and its system; a program by the first word of what it calls itself; None for one that says nothing."""
    found = [next((name for mark, name in marks if mark in agent), None) for marks in (BROWSERS, SYSTEMS)]
    known = ", ".join(part for part in found if part)
    words = "".join(letter if letter.isprintable() else " " for letter in agent).split()
    return known or (words[0][:LONGEST] if words else None)
