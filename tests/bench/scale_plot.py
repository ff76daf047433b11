"""CPU and memory over the number of releases, as a plain SVG."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

_WIDTH, _HEIGHT, _LEFT, _TOP = 300, 220, 60, 40
_GAP = 60
Point = tuple[float, float]


def plot(rows: Sequence[tuple[int, float, float]]) -> str:
    """Rows of releases, CPU seconds for an interval of all of them, and resident MB."""
    cpu = [(float(count), seconds) for count, seconds, _ in rows]
    memory = [(float(count), megabytes) for count, _, megabytes in rows]
    panels = [
        _panel(0, "CPU s for one interval of all", cpu, _log(cpu), _proportional(cpu)),
        _panel(1, "resident MB", memory, _linear(memory), []),
    ]
    width = 2 * (_LEFT + _WIDTH) + _GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{_TOP + _HEIGHT + 50}" '
        'font-family="sans-serif" font-size="12">\n<rect width="100%" height="100%" fill="white"/>\n'
        + "\n".join(panels)
        + "\n</svg>\n"
    )


Scale = tuple[Callable[[Point], Point], Sequence[float], Sequence[float]]
"""Where a point lies, from 0 to 1 each way; and the marks of both axes."""


def _log(points: Sequence[Point]) -> Scale:
    xs, ys = zip(*points, strict=True)
    x0, x1 = math.floor(math.log10(min(xs))), math.ceil(math.log10(max(xs)))
    y0, y1 = math.floor(math.log10(min(ys))), math.ceil(math.log10(max(ys)))

    def at(point: Point) -> Point:
        x, y = math.log10(point[0]), math.log10(point[1])
        return (x - x0) / (x1 - x0), (y - y0) / (y1 - y0)

    return at, [10.0**e for e in range(x0, x1 + 1)], [10.0**e for e in range(y0, y1 + 1)]


def _linear(points: Sequence[Point]) -> Scale:
    right = 1000 * math.ceil(max(x for x, _ in points) / 1000)
    top = 100 * math.ceil(max(y for _, y in points) / 100)
    xs, ys = (range(0, right + 1, right // 5), range(0, top + 1, 100))
    return lambda point: (point[0] / right, point[1] / top), list(xs), list(ys)


def _proportional(points: Sequence[Point]) -> list[Point]:
    """What N to the power of 1 would be, from the first point on."""
    (x0, y0), (x1, _) = points[0], points[-1]
    return [(x0, y0), (x1, y0 * x1 / x0)]


def _panel(
    place: int, title: str, points: Sequence[Point], scale: Scale, guide: Sequence[Point]
) -> str:
    at, xs, ys = scale
    left = _LEFT + place * (_WIDTH + _GAP + 20)

    def where(point: Point) -> str:
        x, y = at(point)
        return f"{left + x * _WIDTH:.1f},{_TOP + (1 - y) * _HEIGHT:.1f}"

    def text(point: str, words: str, anchor: str, by: tuple[int, int]) -> str:
        x, y = map(float, point.split(","))
        return f'<text x="{x + by[0]}" y="{y + by[1]}" text-anchor="{anchor}">{words}</text>'

    made = [f'<text x="{left}" y="{_TOP - 15}" font-weight="bold">{title}</text>']
    for x in xs:
        foot, head = where((x, ys[0])), where((x, ys[-1]))
        made += [_line(foot, head, "#ddd"), text(foot, f"{x:g}", "middle", (0, 18))]
    for y in ys:
        begin, end = where((xs[0], y)), where((xs[-1], y))
        made += [_line(begin, end, "#ddd"), text(begin, f"{y:g}", "end", (-6, 4))]
    if guide:
        made.append(_line(where(guide[0]), where(guide[1]), "#999", ' stroke-dasharray="4 4"'))
    line = " ".join(map(where, points))
    made.append(f'<polyline points="{line}" fill="none" stroke="#0969da" stroke-width="2"/>')
    for point in points:
        x, y = where(point).split(",")
        made.append(f'<circle cx="{x}" cy="{y}" r="4" fill="#0969da"/>')
        made.append(text(where(point), f"{point[1]:.3g}", "end", (-6, -8)))
    made.append(text(where((xs[-1], ys[0])), "releases", "end", (0, 36)))
    return "\n".join(made)


def _line(start: str, end: str, colour: str, more: str = "") -> str:
    (x1, y1), (x2, y2) = start.split(","), end.split(",")
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{colour}"{more}/>'
