"""Runs `config/asterisk/extensions.conf` as Asterisk would, as far as that file goes: its applications, functions and
expressions are understood here, and whatever else stood in it would fail the test."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote
from uuid import UUID

from tests.channels.asterisk import AsteriskCall

FILE = Path(__file__).parents[2] / "config/asterisk/extensions.conf"
_LINE = re.compile(
    r"(?:exten\s*=>\s*(?P<name>[^,]+),1|same\s*=>\s*n)(?:\((?P<label>\w+)\))?,(?P<app>\w+)\((?P<args>.*)\)$"
)
_CALLED = re.compile(r"(\w+)\((.*)\)", re.DOTALL)
_COMPARED = re.compile(r'"([^"]*)" (=|!=) "([^"]*)"|(\d+) ([>+]) (\d+)')


@dataclass
class Step:
    """One priority of an extension."""

    label: str | None
    app: str
    args: str


def read() -> tuple[dict[str, str], dict[str, list[Step]]]:
    """The globals of the file, and the steps of each extension."""
    variables: dict[str, str] = {}
    extensions: dict[str, list[Step]] = {}
    section = name = ""
    for raw in FILE.read_text().splitlines():
        line = re.split(r"(?:^|\s);", raw)[0].strip()
        if not line:
            continue
        if line.startswith("["):
            section = line.strip("[]")
        elif section == "globals":
            key, _, value = line.partition("=")
            variables[key.strip()] = value.strip()
        else:
            found = _LINE.fullmatch(line)
            assert found, f"no line of a dial plan: {line}"
            name = found["name"] or name
            extensions.setdefault(name, []).append(Step(found["label"], found["app"], found["args"]))
    return variables, extensions


@dataclass
class Running:
    """One call in the dial plan. `dial_status` is how its transfers end; `log` is what was done."""

    call: AsteriskCall
    line: str
    environment: dict[str, str]
    dial_status: str = "NOANSWER"
    log: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)

    async def run(self) -> list[str]:
        """From the first step to the end, or until the caller hangs up; gives what was done."""
        known, extensions = read()
        exchange = self.call.exchange
        self.variables |= known | {"EXTEN": self.line, "UNIQUEID": self.call.id}
        self.variables |= {"EVERYLINE_URL": exchange.url, "EVERYLINE_SOUND": f"{exchange.host}:{exchange.port}"}
        name = next(one for one in extensions if one.startswith("_") and _matches(one[1:], self.line))
        at = 0
        while True:
            step = extensions[name][at]
            args = await self._filled(step.args)
            at += 1
            if step.app == "Goto" and "," in args:
                name, at = args.split(",")[0], int(args.split(",")[1]) - 1
            elif step.app == "Goto":
                at = _place(extensions[name], args)
            elif step.app == "GotoIf":
                condition, label = args.rsplit("?", 1)
                at = _place(extensions[name], label) if condition not in ("0", "") else at
            elif step.app == "Hangup":
                return self.log
            else:
                await self._do(step.app, args)

    async def _do(self, app: str, args: str) -> None:
        if app == "Set":
            name, _, value = args.partition("=")
            self.variables[name] = value
        elif app == "Wait":
            await asyncio.sleep(0.05)
        elif app == "TryExec":
            found = re.fullmatch(r"AudioSocket\(([0-9a-f-]{36}),(.+):(\d+)\)", args)
            assert found, args
            self.log.append("AudioSocket")
            await self._talk(UUID(found[1]))
        elif app == "Dial":
            self.log.append(f"Dial {args}")
            self.variables["DIALSTATUS"] = self.dial_status
        else:
            assert app in ("Answer", "Playback"), f"{app} is no application we know of"
            self.log.append(f"{app} {args}".strip())

    async def _talk(self, identity: UUID) -> None:
        try:
            await self.call.open(identity)
        except ConnectionError:
            return  # AudioSocket fails, and TryExec goes on
        await self.call.hung_up.wait()
        await self.call.drop()

    async def _filled(self, text: str) -> str:
        """A text with its variables, functions and expressions worked out, the inner ones first."""
        while found := re.search(r"\$\{([^${}\[\]]*)\}|\$\[([^$\[\]]*)\]", text):
            value = await self._value(found[1]) if found[1] is not None else _worked_out(found[2])
            # What is put in is not looked at again.
            text = text[: found.start()] + value.replace("$", "\0") + text[found.end() :]
        return text.replace("\0", "$")

    async def _value(self, inner: str) -> str:
        called = _CALLED.fullmatch(inner)
        if not called:
            return self.variables.get(inner, "")
        name, args = called.groups()
        if name == "CURL":
            return await self._curl(*args.split(",", 1))
        functions: dict[str, Callable[[str], str]] = {
            "URIENCODE": lambda value: quote(value, safe=""),
            "ENV": lambda value: self.environment.get(value, ""),
            "LEN": lambda value: str(len(value)),
            "CALLERID": lambda what: {"num": self.call.caller, "num-pres": "allowed_passed_screen"}[what],
            "CUT": self._cut,
            "FILTER": _filtered,
        }
        return functions[name](args)

    async def _curl(self, url: str, body: str) -> str:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        try:
            async with self.call.exchange.http.post(url, data=body, headers=headers) as answer:
                return await answer.text()
        except OSError:
            return ""

    def _cut(self, args: str) -> str:
        name, sign, number = args.split(",")
        parts = self.variables[name].split(sign)
        return parts[int(number) - 1] if int(number) <= len(parts) else ""


def _matches(pattern: str, number: str) -> bool:
    wanted = re.escape(pattern).replace("X", "[0-9]").replace(r"\.", ".+")
    return re.fullmatch(wanted, number) is not None


def _place(steps: list[Step], label: str) -> int:
    return next(at for at, step in enumerate(steps) if step.label == label)


def _worked_out(expression: str) -> str:
    found = _COMPARED.fullmatch(expression.strip())
    assert found, f"no expression we know of: {expression}"
    left, compared, right, first, sign, second = found.groups()
    if compared:
        return str(int((left == right) == (compared == "=")))
    return str(int(first) + int(second) if sign == "+" else int(int(first) > int(second)))


def _filtered(args: str) -> str:
    allowed, value = args.split(",", 1)
    signs = re.sub(r"(.)-(.)", lambda r: "".join(map(chr, range(ord(r[1]), ord(r[2]) + 1))), allowed)
    return "".join(sign for sign in value if sign in signs)
