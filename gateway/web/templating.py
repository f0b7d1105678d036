"""Templates whose calls that always give the same are made once, while a template is compiled, and not for each page.

An environment speaks one language, so that a message without values is a constant in it, as the address of a static
file is. Of a page these are most of all calls.
"""

from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from jinja2 import Environment, nodes
from jinja2.visitor import NodeTransformer

# What gives the same for the same text as long as the process runs, by the name templates call it by.
Constant = Mapping[str, Callable[[str], str]]


class Templates(Environment):
    """The templates of one language."""

    def __init__(self, constant: Constant, **options: Any) -> None:
        super().__init__(**options)
        self._constant = constant

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """What a template knows: mostly all that the environment does, and then no map over maps is looked through."""
        return super().make_globals(d) if d else self.globals

    def _generate(
        self, source: nodes.Template, name: str | None, filename: str | None, defer_init: bool = False
    ) -> str:
        return super()._generate(_Folding(self._constant).visit(source), name, filename, defer_init)


class _Folding(NodeTransformer):
    """Puts in the place of a call with one text and nothing else what it gives."""

    def __init__(self, constant: Constant) -> None:
        self._constant = constant

    def visit_Call(self, node: nodes.Call) -> nodes.Node:
        self.generic_visit(node)
        made = self._constant.get(node.node.name) if isinstance(node.node, nodes.Name) else None
        text = _only_text(node)
        return node if made is None or text is None else nodes.Const(made(text), lineno=node.lineno)


def _only_text(call: nodes.Call) -> str | None:
    """The text a call is given when it is given that alone, else None."""
    if len(call.args) != 1 or call.kwargs or call.dyn_args is not None or call.dyn_kwargs is not None:
        return None
    only = call.args[0]
    return only.value if isinstance(only, nodes.Const) and isinstance(only.value, str) else None
