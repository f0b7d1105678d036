"""TwiML as XML. It comes from our own gateway on this machine; its size was bounded when it was read."""

from xml.etree import ElementTree
from xml.etree.ElementTree import Element


def parse(text: str) -> Element:
    """The `<Response>` of a document. Raises ParseError for anything else."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ElementTree.ParseError("no declarations in TwiML")
    root = ElementTree.fromstring(text)  # noqa: S314  # declarations are refused above
    if root.tag != "Response":
        raise ElementTree.ParseError("the root of TwiML is Response")
    return root


def words_of(verb: Element) -> str:
    """What a verb says, with white space as it is spoken."""
    return " ".join("".join(verb.itertext()).split())


def seconds_of(verb: Element, attribute: str, default: int, most: int) -> int:
    """A whole number of seconds from an attribute, within bounds; the default when it makes no sense."""
    value = verb.get(attribute, "")
    return min(int(value), most) if value.isdecimal() else default
