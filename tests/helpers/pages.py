"""What every page must have for those who do not see it, and the contrast of its colours."""

import re
from html.parser import HTMLParser

VOID = {"meta", "br", "input", "link", "img"}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None], tuple[str, ...]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes), tuple(self.open)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        while self.open and self.open.pop() != tag:
            pass


def find_flaws(page: str) -> list[str]:
    """What a page lacks: structure, names of tables and pictures, boxes that keys reach."""
    reader = _Reader()
    reader.feed(page)
    count = [tag for tag, _, _ in reader.tags].count
    wanted = {"main": 1, "h1": 1, "title": 1 + count("svg")}  # a picture has a title of its own
    wrong = [f"{count(tag)} {tag}" for tag, number in wanted.items() if count(tag) != number]
    wrong += [f"{name} without main" for name in ("h1", "table", "svg") if _outside(reader.tags, name)]
    if count("caption") != count("table"):
        wrong.append("a table without caption")
    wrong += [f"th {of}" for tag, of, _ in reader.tags if tag == "th" and of.get("scope") not in ("row", "col")]
    wrong += [f"svg {of}" for tag, of, _ in reader.tags if tag == "svg" and of.get("role") != "img"]
    if count("desc") != count("svg"):
        wrong.append("a picture without description")
    boxes = [of for _, of, _ in reader.tags if of.get("class") == "wide"]
    wrong += [f"box {of}" for of in boxes if not (of.get("role") == "region" and of.get("aria-label"))]
    wrong += [f"box {of} not reached by keys" for of in boxes if of.get("tabindex") != "0"]
    names = [of.get("aria-label") for of in boxes]
    wrong += [f"boxes called {name}" for name in sorted({name for name in names if names.count(name) > 1})]
    wrong += ["an empty header"] * len(re.findall(r"<th[^>]*></th>", page))
    if len(re.search("<title>(.*?)</title>", page).group(1)) > 70:
        wrong.append("a long title")
    return wrong


def _outside(tags, name: str) -> bool:
    return any(tag == name and "main" not in around for tag, _, around in tags)


def measure_contrast(one: str, other: str) -> float:
    """The ratio of the luminances of two colours #rrggbb, 1 to 21.

    Reference: WCAG 2.2, contrast ratio and relative luminance.
    """
    darker, lighter = sorted(map(_measure_luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


def _measure_luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
