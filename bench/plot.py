"""The figures as an SVG: a panel per number of threads, a group of bars per question, logarithmic."""

from __future__ import annotations

import math

from report import Figure, Run, number

COLOURS = ["#0b6e4f", "#7fb69e", "#d1a000", "#c8553d", "#4a6fa5", "#8e7dbe"]
PANEL_WIDTH, PANEL_HEIGHT, MARGIN = 900, 320, 60
BAR_WIDTH = 14


def svg(run: Run) -> str:
    """The whole picture."""
    panels = [panel(run.at(threads), threads, index) for index, threads in enumerate(run.threads)]
    height = len(panels) * (PANEL_HEIGHT + MARGIN) + MARGIN
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {PANEL_WIDTH + 2 * MARGIN} {height}" '
            'font-family="sans-serif" font-size="12">',
            '<rect width="100%" height="100%" fill="white"/>',
            legend(list(run.figures[0].turns)),
            *panels,
            "</svg>\n",
        ]
    )


def legend(names: list[str]) -> str:
    """The colours of the engines."""
    return "".join(
        f'<rect x="{MARGIN + 165 * index}" y="12" width="12" height="12" fill="{colour}"/>'
        f'<text x="{MARGIN + 165 * index + 18}" y="23">{name}</text>'
        for index, (name, colour) in enumerate(zip(names, COLOURS))
    )


def panel(figures: list[Figure], threads: int, index: int) -> str:
    """The bars of one number of threads."""
    top = MARGIN + index * (PANEL_HEIGHT + MARGIN)
    values = [value for figure in figures for value in figure.cpu_ms.values()]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    parts = [
        f'<g transform="translate({MARGIN},{top})">',
        f'<text x="0" y="-8">CPU milliseconds, {threads} thread{"s" if threads > 1 else ""} (less is better)</text>',
        *(grid_line(exponent, low, high) for exponent in range(low, high + 1)),
        *(bars(figure, place, low, high) for place, figure in enumerate(figures)),
        "</g>",
    ]
    return "\n".join(parts)


def height_of(value: float, low: int, high: int) -> float:
    """The height of a bar."""
    return (math.log10(value) - low) / (high - low) * PANEL_HEIGHT


def grid_line(exponent: int, low: int, high: int) -> str:
    """A line at a power of ten."""
    y = PANEL_HEIGHT - height_of(10.0**exponent, low, high)
    return (
        f'<line x1="0" x2="{PANEL_WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
        f'<text x="-6" y="{y + 4:.1f}" text-anchor="end">{10.0**exponent:g}</text>'
    )


def bars(figure: Figure, place: int, low: int, high: int) -> str:
    """The bars of one question, ours first."""
    left = place * PANEL_WIDTH / 8 + 8
    parts = [f'<text x="{left + 45}" y="{PANEL_HEIGHT + 18}" text-anchor="middle">{figure.question}</text>']
    for index, ((name, value), colour) in enumerate(zip(figure.cpu_ms.items(), COLOURS)):
        height = height_of(value, low, high)
        parts.append(
            f'<rect x="{left + index * (BAR_WIDTH + 1):.1f}" y="{PANEL_HEIGHT - height:.1f}" width="{BAR_WIDTH}" '
            f'height="{height:.1f}" fill="{colour}"><title>{name}: {number(value)} ms</title></rect>'
        )
    return "".join(parts)
