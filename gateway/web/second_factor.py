"""The second factor: one-time codes from an app (TOTP, RFC 6238), and recovery codes for when the app is lost."""

import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime

import pyotp
import segno

from gateway import clock
from gateway.errors import BadInput
from gateway.runtime import Runtime
from store import second_factors
from store.accounts import Account
from store.database import Transaction
from store.vault import Vault

# Seconds of a step (section 5.2), and how many steps a clock may be late or early.
STEP = 30
DRIFT = 1
RECOVERY_CODES = 10
# No letter or digit that is easily read as another: 10 of these 31 are 49 bits.
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_LONGEST = 40


def new_secret() -> str:
    """160 random bits, as section 4 of RFC 4226 recommends, in base32."""
    return pyotp.random_base32()


def address(runtime: Runtime, account: Account, secret: str) -> str:
    """The otpauth: address that an app takes in."""
    city = runtime.settings.city
    return pyotp.TOTP(secret).provisioning_uri(name=account.name, issuer_name=city.name[city.language])


def picture(content: str) -> str:
    """A QR code as a data: address of an SVG, dark on light in every theme."""
    return str(segno.make(content, error="m").svg_data_uri(scale=5, border=4, dark="#000", light="#fff"))


def spelled(secret: str) -> str:
    """A secret in groups of four, for typing it."""
    return " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))


def step_of(secret: str, code: str, at: datetime) -> int | None:
    """The time step a code is of, if it is right about now."""
    digits = "".join(code.split())
    now = int(at.timestamp()) // STEP
    codes = pyotp.TOTP(secret, interval=STEP)
    steps = range(now - DRIFT, now + DRIFT + 1)
    right = [step for step in steps if hmac.compare_digest(codes.generate_otp(step).encode(), digits.encode())]
    return right[-1] if right else None


async def begin(runtime: Runtime, account: Account) -> None:
    """Give an account a new secret to prove. Raises `BadInput` when it has a second factor."""
    secret = new_secret()
    begun = await runtime.database.write(
        lambda transaction: second_factors.begin(transaction, runtime.vault, account.id, secret, clock.now())
    )
    if not begun:
        raise BadInput("you have a second factor already")


async def take(runtime: Runtime, transaction: Transaction, account_id: str, code: str) -> str | None:
    """Use up a code from the app, or a recovery code; gives which it was, None for a wrong or used one."""
    factor = await second_factors.of_account(transaction.connection, runtime.vault, account_id)
    if factor is None or factor.confirmed_at is None:
        return None
    step = step_of(factor.secret, code[:_LONGEST], clock.now())
    if step is not None:
        return "code" if await second_factors.use_step(transaction, account_id, step) else None
    hashed = _hashed(runtime.vault, account_id, code[:_LONGEST])
    return "recovery code" if await second_factors.use_code(transaction, account_id, hashed) else None


async def confirm(runtime: Runtime, transaction: Transaction, account: Account, code: str) -> Sequence[str]:
    """Let a new secret count, proved by its first code; gives the recovery codes. Raises `BadInput`."""
    factor = await second_factors.of_account(transaction.connection, runtime.vault, account.id)
    step = step_of(factor.secret, code[:_LONGEST], clock.now()) if factor else None
    if step is None:
        raise BadInput("this code is not right; take the newest one", "code")
    codes = _new_codes()
    hashes = [_hashed(runtime.vault, account.id, one) for one in codes]
    if not await second_factors.confirm(transaction, account.id, step, hashes, clock.now()):
        raise BadInput("you have a second factor already")
    return codes


async def renew_codes(runtime: Runtime, transaction: Transaction, account: Account) -> Sequence[str]:
    """New recovery codes instead of the old ones."""
    codes = _new_codes()
    hashes = [_hashed(runtime.vault, account.id, one) for one in codes]
    await second_factors.replace_codes(transaction, account.id, hashes)
    return codes


def _new_codes() -> list[str]:
    drawn = ("".join(secrets.choice(_LETTERS) for _ in range(10)) for _ in range(RECOVERY_CODES))
    return [f"{code[:5]}-{code[5:]}" for code in drawn]


def _hashed(vault: Vault, account_id: str, code: str) -> str:
    """Keyed by the master key: the codes are short enough to be guessed from a plain hash."""
    plain = "".join(letter for letter in code.lower() if letter.isalnum())
    return vault.lookup(f"recovery:{account_id}:{plain}")
