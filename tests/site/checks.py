"""What a page must be like in a browser.

Each check returns its complaints, sentences, and none where all is well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

from axe_playwright_python.base import AXE_FILE_PATH
from playwright.sync_api import ConsoleMessage, Page, Request, Response

WIDTHS = (1440, 375)
MODES = ("light", "dark")

_HEADINGS = """() => [...document.querySelectorAll('h1, h2, h3, h4, h5, h6')]
    .filter(heading => heading.checkVisibility())
    .map(heading => [Number(heading.tagName[1]), heading.textContent.trim().slice(0, 60)])"""

_IMAGES_WITHOUT_TEXT = """() => [...document.images]
    .filter(image => !image.alt.trim() && !['presentation', 'none'].includes(image.role))
    .map(image => `${image.getAttribute('src')} has no alt text`)"""

_REPEATED_IDS = """() => {
    const ids = [...document.querySelectorAll('[id]')].map(element => element.id);
    return [...new Set(ids.filter((id, place) => ids.indexOf(id) !== place))].map(id => `id ${id} stands twice`);
}"""

# Content in a box that scrolls or clips does not widen the page: the next check looks into those.
_TOO_WIDE = """() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    const contained = element => {
        for (let box = element.parentElement; box; box = box.parentElement)
            if (box !== document.body && getComputedStyle(box).overflowX !== 'visible') return true;
        return false;
    };
    const causes = [...document.body.querySelectorAll('*')]
        .filter(element => element.getBoundingClientRect().right > width + 1 && !contained(element))
        .map(element => `<${element.localName} class="${element.getAttribute('class') ?? ''}">`);
    return [`${document.documentElement.scrollWidth} pixels wide, ${width} are there: ` + causes.slice(-4).join(', ')];
}"""

_HARD_TO_SCROLL = """() => {
    const complaints = [];
    for (const element of document.querySelectorAll('main *')) {
        if (element.scrollWidth <= element.clientWidth + 1 || !element.clientWidth) continue;
        const style = getComputedStyle(element), overflow = style.overflowX;
        const name = `<${element.localName} class="${element.className}">`;
        // A folded box shows its title alone; one pixel is how text for screen readers is hidden.
        const meant = element.matches('.toggle-hidden') || element.clientWidth <= 1;
        if (['hidden', 'clip'].includes(overflow) && !meant && style.textOverflow !== 'ellipsis')
            complaints.push(`${name} hides a part of its content`);
        if (!['auto', 'scroll'].includes(overflow)) continue;
        if (element.tabIndex < 0) complaints.push(`${name} scrolls sideways, but not by keyboard`);
        if (element.querySelector('table') && !(element.role && (element.ariaLabel || element.ariaLabelledByElements)))
            complaints.push(`${name} holds a wide table and has no role and label`);
    }
    return complaints;
}"""

_AXE = "options => axe.run(document, options)"
_AXE_OPTIONS = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
_GRAVE = ("serious", "critical")


@contextmanager
def listening(page: Page, origin: str) -> Iterator[list[str]]:
    """Yield a list that fills with what goes wrong in `page`: errors, failed requests, requests beyond `origin`."""
    complaints: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error":
            complaints.append(f"console: {message.text} ({message.location['url']})")

    def watch(request: Request) -> None:
        if not request.url.startswith((origin, "data:", "blob:")):
            complaints.append(f"{request.url} is not of this site")

    def judge(response: Response) -> None:
        if response.status >= 400:
            complaints.append(f"{response.url}: status {response.status}")

    listeners: dict[str, Callable[..., None]] = {
        "console": hear,
        "pageerror": lambda error: complaints.append(f"error in a script: {error}"),
        "request": watch,
        "requestfailed": lambda request: complaints.append(f"{request.url}: {request.failure}"),
        "response": judge,
    }
    for event, listener in listeners.items():
        page.on(event, listener)  # type: ignore[call-overload]
    yield complaints
    for event, listener in listeners.items():
        page.remove_listener(event, listener)


def headings(page: Page) -> list[str]:
    """One first heading, at the top, and no level left out on the way down."""
    found = page.evaluate(_HEADINGS)
    levels = [level for level, _ in found]
    complaints = [] if levels.count(1) == 1 and levels[0] == 1 else [f"expected one h1, at the top, found {found}"]
    for (level, text), (below, text_below) in pairwise(found):
        if below > level + 1:
            complaints.append(f"h{below} {text_below!r} follows h{level} {text!r}")
    return complaints


def images(page: Page) -> list[str]:
    """Every image has alt text or says that it is decoration."""
    return list(page.evaluate(_IMAGES_WITHOUT_TEXT))


def ids(page: Page) -> list[str]:
    """No two elements share an id."""
    return list(page.evaluate(_REPEATED_IDS))


def width(page: Page) -> list[str]:
    """The page is no wider than its window; what is wider scrolls in a box of its own, by keyboard as well."""
    return [*page.evaluate(_TOO_WIDE), *page.evaluate(_HARD_TO_SCROLL)]


def accessibility(page: Page, *, exempt: dict[str, str] | None = None) -> list[str]:
    """What axe-core finds of serious or critical impact, but for the selectors in `exempt` of the rule there."""
    page.evaluate(Path(AXE_FILE_PATH).read_text(encoding="utf-8"))
    result: dict[str, Any] = page.evaluate(_AXE, _AXE_OPTIONS)
    return [
        f"{violation['id']} ({violation['impact']}): {node['target']} {node['html'][:120]}: {_reason(node)}"
        for violation in result["violations"]
        if violation["impact"] in _GRAVE
        for node in violation["nodes"]
        if not _exempted(page, node, (exempt or {}).get(violation["id"]))
    ]


def _reason(node: dict[str, Any]) -> str:
    return " ".join(check["message"] for kind in ("any", "all", "none") for check in node[kind])


def _exempted(page: Page, node: dict[str, Any], selector: str | None) -> bool:
    return selector is not None and bool(
        page.evaluate(
            "([target, selector]) => document.querySelector(target).matches(selector)", [node["target"][0], selector]
        )
    )
