"""A reader's hands on the interactive page: mouse and keys alone, every click counted.

What the page shows (which lesion lies where, how links are listed) is read by script, as eyes
would; what is changed is changed by clicks.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

__all__ = ["ReaderPage", "browser", "opened"]

Key = tuple[int, int]

_LATEST_S = 120
_MOST_SCROLLS = 60
_OPTIONS = ("--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader")
"""As Chromium runs on a machine without a graphics card: WebGL, too, is drawn by the processor."""

_SPOT = """([visit, label]) => {
  const panel = lvt.panels[visit], view = lvt.viewOf(panel.visit), { canvas } = panel;
  const box = canvas.getBoundingClientRect(), scale = canvas.width / box.width;
  for (let y = 2; y < canvas.height; y += 3) for (let x = 2; x < canvas.width; x += 3) {
    if (panel.visit.labelAt(panel.view.place(view, x, y)) === label) {
      return [box.x + x / scale, box.y + y / scale];
    }
  }
  return null;
}"""

# Whether the list of other tumours at one lesion stands for another one, and as which.
_OFFERED = """([here, there]) => {
  const [a, b] = [here, there].map((key) => lvt.lesionAt.get(key.join("/")));
  if (a.track === b.track) return null;
  const near = lvt.data.lesions.filter((l) => l.track === b.track && l.visit !== a.visit)
    .sort((p, q) => Math.abs(p.visit - a.visit) - Math.abs(q.visit - a.visit)
      || p.visit - q.visit)[0];
  return near === b ? String(b.track) : null;
}"""


@contextmanager
def browser() -> Iterator[Browser]:
    """Debian's chromium without a screen and without a graphics card."""
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next((path for name in names if (path := shutil.which(name))), None)
    with sync_playwright() as player:
        chromium = player.chromium.launch(executable_path=program, args=list(_OPTIONS))
        yield chromium
        chromium.close()


@contextmanager
def opened(chromium: Browser, report: Path) -> Iterator[ReaderPage]:
    """The report of a run, ready to be corrected."""
    page = chromium.new_page(viewport={"width": 1500, "height": 1000})
    page.goto(report.as_uri())
    reader = ReaderPage(page)
    end = time.monotonic() + _LATEST_S
    while not reader.eval("Boolean(window.lvt && lvt.isReady)"):
        if time.monotonic() > end:
            raise TimeoutError(f"{report} is not ready after {_LATEST_S} s")
        time.sleep(0.1)
    yield reader
    page.close()


@dataclass
class ReaderPage:
    """An open report.

    Attributes:
        page: in the browser.
        clicks: of the mouse so far; a choice from a list is two.
        keys: pressed so far, without the reader's name.
    """

    page: Page
    clicks: int = 0
    keys: int = 0
    unsaid: list[str] = field(default_factory=list)

    def eval(self, script: str, value: Any = None) -> Any:
        """What a script sees in the page."""
        return self.page.evaluate(script, value)

    def look(self) -> None:
        """See everything that the list names, from one thing to the next by a key."""
        self.page.locator(".visits").scroll_into_view_if_needed()
        self.page.locator(".visits").focus()
        for _ in range(self.eval("lvt.data.worklist.length")):
            self.page.keyboard.press("n")
            self.keys += 1

    def doubts(self) -> list[dict[str, Any]]:
        """What the list names, each with its answers and the rows that they stand for."""
        listed: list[dict[str, Any]] = self.eval("lvt.data.worklist")
        return listed

    def answer(self, doubt: int, answer: int) -> None:
        """One of the answers in the list; given again, it is taken back."""
        self._click(
            self.page.locator(".worklist > li").nth(doubt).locator(".answers button").nth(answer)
        )

    def reject(self, lesion: Key, everywhere: bool) -> None:
        """A lesion is no tumour, here or at all visits that show it."""
        self._go(lesion)
        buttons = self.page.locator(".lesion .actions")
        here = buttons.get_by_text("Is none here only")
        if everywhere or not here.count():
            self._click(buttons.get_by_text("Is no tumour"))
        else:
            self._click(here)

    def deny(self, earlier: Key, later: Key) -> None:
        """A link is wrong."""
        self._click(self._link(earlier, later).get_by_role("button", name="wrong", exact=True))

    def exchange(self, one: tuple[Key, Key], other: tuple[Key, Key]) -> bool:
        """Two links have each other's ends; False where the page does not offer that."""
        for (a, b), (_, d) in ((one, other), (other, one)):
            track = self.eval("(key) => lvt.lesionAt.get(key).track", f"{d[0]}/{d[1]}")
            button = self._link(a, b).get_by_text(f"exchange with T{track}", exact=True)
            if button.count():
                self._click(button.first)
                return True
        return False

    def _link(self, earlier: Key, later: Key) -> Any:
        """The line of a link beside the chosen tumour."""
        self._go(later)
        at = self.eval(
            """([a, b]) => lvt.data.edges.filter((edge) => {
              const ends = [edge.a, edge.b].map((key) => lvt.lesionAt.get(key.join("/")));
              return ends.every(Boolean) && ends[0].track === lvt.state.lesion.track;
            }).findIndex((edge) => edge.a.join() === a.join() && edge.b.join() === b.join())""",
            [list(earlier), list(later)],
        )
        return self.page.locator(".lesion .links li").nth(at)

    def join(self, earlier: Key, later: Key) -> None:
        """A link is missing: said at whichever end offers the other one."""
        for here, there in ((later, earlier), (earlier, later)):
            offered = self.eval(_OFFERED, [list(here), list(there)])
            if offered is not None:
                self._go(here)
                self.page.get_by_label("Same as …").select_option(offered)
                self.clicks += 2
                return
        self.unsaid.append(f"{earlier} → {later}")

    def save(self, path: Path) -> None:
        """The table of all that was said."""
        self.page.fill("[name=reader]", "a scripted reader")
        with self.page.expect_download() as download:
            self._click(self.page.locator("[name=save]"))
        shutil.copy(download.value.path(), path)

    def _click(self, button: Any) -> None:
        button.click()
        self.clicks += 1

    def _is_chosen(self, lesion: Key) -> bool:
        chosen = self.eval("lvt.state.lesion && [lvt.state.lesion.visit, lvt.state.lesion.label]")
        return bool(chosen == list(lesion))

    def _go(self, lesion: Key) -> None:
        """To a lesion: by its dot in the chart of visits, or on the slice where it is a piece."""
        if self._is_chosen(lesion):
            return
        track = self.eval("(key) => lvt.lesionAt.get(key).track", f"{lesion[0]}/{lesion[1]}")
        date = self.eval("(visit) => lvt.data.visits[visit].date", lesion[0])
        dot = self.page.locator(f"#presence a[data-track='{track}'][data-date='{date}']")
        if dot.count():
            self._click(dot.first)
        else:
            self._click(self.page.locator(f"#tumours a[data-track='{track}']").first)
            beside = self.page.locator(".lesion .others").get_by_text(date)
            if not self._is_chosen(lesion) and beside.count():
                self._click(beside.first)
        if not self._is_chosen(lesion):
            self._point(lesion)

    def _point(self, lesion: Key) -> None:
        """Scroll to a lesion from one near it, and click it on its slice."""
        self.page.locator(".visits").scroll_into_view_if_needed()
        self.page.locator(".visits").focus()
        for _ in range(_MOST_SCROLLS):
            self.eval("lvt.drawNow()")
            spot = self.eval(_SPOT, list(lesion))
            if spot is not None:
                self.page.mouse.click(*spot)
                self.clicks += 1
                if self._is_chosen(lesion):
                    return
            up = self.eval(
                "([visit, label]) => lvt.lesionAt.get(`${visit}/${label}`).place[2]"
                " > lvt.crossIn(lvt.visits[visit])[2]",
                list(lesion),
            )
            self.page.keyboard.press("ArrowUp" if up else "ArrowDown")
            self.keys += 1
        raise RuntimeError(f"lesion {lesion} cannot be clicked")
