"""A handset of the simulator's page, as a person uses it: calls, presses keys, says things, and hears the line."""

from playwright.async_api import Page, expect

# Long enough that it is no pause within what the line says, and what a person would wait.
QUIET_MS = 1500
# The line may say a long sentence, on a busy machine.
PATIENCE_MS = 60_000
# How often the line began to speak, once it is quiet again after having spoken more often than it had.
SPOKEN = """([phone, before, quiet]) => {
    const begun = phone.querySelectorAll(".log .line").length;
    const speaks = phone.querySelector(".line-voice").classList.contains("speaks");
    if (begun <= before || speaks) {
        delete phone.dataset.quietSince;
        return null;
    }
    phone.dataset.quietSince ??= String(performance.now());
    if (performance.now() - Number(phone.dataset.quietSince) < quiet) return null;
    delete phone.dataset.quietSince;
    return begun;
}"""


class Handset:
    """One phone of the page, counted from 0."""

    def __init__(self, page: Page, index: int) -> None:
        self._page = page
        self.phone = page.locator("article.phone").nth(index)
        self._heard = 0

    async def call(self) -> None:
        """Call the hotline, and be connected."""
        self._heard = 0
        hotline = self.phone.locator("details.hotline")
        if await hotline.get_attribute("open") is None:
            await hotline.locator("summary").click()
        await self.phone.locator("button.call").click()
        await expect(self.phone.locator(".log .end")).to_have_count(0)  # of the call before
        await expect(self.phone.locator(".log .stream")).to_be_visible(timeout=PATIENCE_MS)

    async def press(self, keys: str) -> None:
        """Press keys, one after the other."""
        for key in keys:
            pressed = self.phone.locator(".log .keys")
            before = await pressed.count()
            await self.phone.locator(".keypad button", has_text=key).click()
            await expect(pressed).to_have_count(before + 1)

    async def line_has_spoken(self) -> None:
        """Wait until the line has said something since this was last asked, and waits."""
        phone = await self.phone.element_handle()
        told = await self._page.wait_for_function(
            SPOKEN, arg=[phone, self._heard, QUIET_MS], timeout=PATIENCE_MS, polling=100
        )
        self._heard = int(await told.json_value())

    async def say(self, sample: str) -> None:
        """Say a sample utterance, by its words, to its end."""
        await self.phone.locator(".utter select").select_option(label=sample)
        await self.phone.locator("button.say").click()
        await self._has_been_said()

    async def speak(self) -> None:
        """Switch the microphone on, and off again when what was spoken into it is said."""
        await self.phone.locator("button.microphone").click()
        await self._has_been_said()
        await self.phone.locator("button.microphone").click()

    async def hang_up(self) -> None:
        """Put the phone down, if the line was not quicker: it says goodbye to who presses nothing."""
        ended, button = self.phone.locator(".log .end"), self.phone.locator("button.hang-up:not([hidden])")
        await expect(button.or_(ended).first).to_be_visible()
        await button.evaluate_all("buttons => buttons.forEach(button => button.click())")
        await expect(ended).to_be_visible()

    async def _has_been_said(self) -> None:
        own = self.phone.locator(".own-voice")
        await expect(own).to_have_class("own-voice speaks", timeout=PATIENCE_MS)
        await expect(own).to_have_class("own-voice", timeout=PATIENCE_MS)
