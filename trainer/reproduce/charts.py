"""Small charts as SVG: lines over numbers, clouds of points by class, and outlines of Gaussians."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import numpy.typing as npt

COLOURS = (
    "#1f77b4", "#d62728", "#2ca02c", "#ff7f0e", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf",
)  # fmt: skip
WIDTH, HEIGHT, MARGIN, LEGEND = 520, 340, 62, 150


def line_chart(series: Mapping[str, Sequence[tuple[float, float]]], x_label: str, y_label: str) -> bytes:
    """Lines through points (x, y), one per name.

    Raises:
        ValueError: There are no points.
    """
    points = [point for line in series.values() for point in line]
    if not points:
        raise ValueError("a chart needs points")
    xs, ys = np.array(points, float).T
    place = _Frame((xs.min(), xs.max()), (ys.min(), ys.max()))
    parts = place.axes(x_label, y_label)
    for number, (name, line) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(f"{place.x(x):.1f},{place.y(y):.1f}" for x, y in line)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.8"/>')
        parts += [
            f'<circle cx="{place.x(x):.1f}" cy="{place.y(y):.1f}" r="2.6" fill="{colour}"/>' for x, y in line
        ]
        parts += _legend(number, name, colour)
    return _svg(WIDTH + LEGEND, HEIGHT, parts)


def scatter_charts(
    panels: Mapping[str, npt.NDArray[np.float32]],
    classes: npt.NDArray[np.int64],
    names: Sequence[str],
    frames: Mapping[str, npt.NDArray[np.float32]],
) -> bytes:
    """Clouds of points side by side, each panel on its own scale, with its ranges written below.

    Args:
        panels: Title → N × 2.
        classes: N, the class of every point in all panels.
        names: Of the classes.
        frames: Title → M × 2, points that the panel must have room for.
    """
    side, gap = 230, 34
    parts: list[str] = []
    for number, (title, points) in enumerate(panels.items()):
        left = gap / 2 + number * (side + gap)
        low, high = frames[title].min(0), frames[title].max(0)
        scaled = (points - low) / np.maximum(high - low, 1e-9) * (side - 8) + 4
        parts.append(
            f'<rect x="{left}" y="30" width="{side}" height="{side}" fill="none" stroke="#999"/>'
            f'<text x="{left}" y="20">{escape(title)}</text>'
            f'<text x="{left}" y="{side + 46}" class="small">{low[0]:.3g} … {high[0]:.3g} × '
            f"{low[1]:.3g} … {high[1]:.3g}</text>"
        )
        for value in range(len(names)):
            dots = scaled[classes == value]
            path = "".join(f"M{left + x:.1f} {30 + side - y:.1f}h0" for x, y in dots)
            colour = COLOURS[value % len(COLOURS)]
            parts.append(
                f'<path d="{path}" stroke="{colour}" stroke-width="2.4" stroke-linecap="round" fill="none"/>'
            )
    width = gap / 2 + len(panels) * (side + gap)
    for value, name in enumerate(names):
        colour = COLOURS[value % len(COLOURS)]
        # as a style: the sheet's own colour of text outweighs an attribute
        where = f'x="{width}" y="{44 + 18 * value}"'
        parts.append(f'<text {where} style="fill:{colour}">● {escape(name)}</text>')
    return _svg(round(width + 60), side + 56, parts)


@dataclass(frozen=True)
class Ellipse:
    """The outline of a Gaussian on a plane.

    Attributes:
        mean: Two numbers.
        deviation: Two numbers, the half axes.
        colour: Of the line.
    """

    mean: npt.NDArray[np.float32]
    deviation: npt.NDArray[np.float32]
    colour: str


def ellipse_charts(panels: Mapping[str, Sequence[Ellipse]]) -> bytes:
    """Outlines side by side, across and up on the same scale, with the ranges written below; centres are dotted."""
    side, gap = 320, 34
    parts: list[str] = []
    for number, (title, ellipses) in enumerate(panels.items()):
        left = gap / 2 + number * (side + gap)
        low = np.min([ellipse.mean - ellipse.deviation for ellipse in ellipses], axis=0)
        high = np.max([ellipse.mean + ellipse.deviation for ellipse in ellipses], axis=0)
        scale = (side - 16) / float(max((high - low).max(), 1e-9))
        parts.append(
            f'<rect x="{left}" y="30" width="{side}" height="{side}" fill="none" stroke="#999"/>'
            f'<text x="{left}" y="20">{escape(title)}</text>'
            f'<text x="{left}" y="{side + 46}" class="small">{low[0]:.3g} … {high[0]:.3g} × '
            f"{low[1]:.3g} … {high[1]:.3g}</text>"
        )
        for ellipse in ellipses:
            x, y = (ellipse.mean - (low + high) / 2) * scale
            width, height = ellipse.deviation * scale
            middle = f'cx="{left + side / 2 + x:.1f}" cy="{30 + side / 2 - y:.1f}"'
            parts.append(
                f'<ellipse {middle} rx="{width:.1f}" ry="{height:.1f}" fill="none" stroke="{ellipse.colour}" '
                f'stroke-width="1.6"/><circle {middle} r="1.6" fill="{ellipse.colour}"/>'
            )
    return _svg(round(gap / 2 + len(panels) * (side + gap)), side + 56, parts)


class _Frame:
    """Where numbers lie on the paper, with a little room at the ends."""

    def __init__(self, x_range: tuple[float, float], y_range: tuple[float, float]) -> None:
        self.x_range, self.y_range = x_range, y_range
        spread = (y_range[1] - y_range[0]) or 1.0
        self.low, self.high = y_range[0] - 0.05 * spread, y_range[1] + 0.05 * spread

    def x(self, value: float) -> float:
        spread = (self.x_range[1] - self.x_range[0]) or 1.0
        return MARGIN + (value - self.x_range[0]) / spread * (WIDTH - MARGIN - 12)

    def y(self, value: float) -> float:
        return 12 + (self.high - value) / (self.high - self.low) * (HEIGHT - MARGIN)

    def axes(self, x_label: str, y_label: str) -> list[str]:
        bottom = HEIGHT - MARGIN + 12
        parts = [
            f'<path d="M{MARGIN} 12V{bottom}H{WIDTH - 12}" fill="none" stroke="#333"/>',
            f'<text x="{(WIDTH + MARGIN) / 2}" y="{HEIGHT - 10}" text-anchor="middle">{escape(x_label)}</text>',
            f'<text transform="translate(14 {HEIGHT / 2 - 10}) rotate(-90)" text-anchor="middle">'
            f"{escape(y_label)}</text>",
        ]
        for value in round_numbers(*self.x_range):
            parts.append(
                f'<text x="{self.x(value):.1f}" y="{bottom + 16}" class="small" text-anchor="middle">'
                f"{value:g}</text>"
            )
        for value in round_numbers(self.low, self.high):
            y = self.y(value)
            parts.append(
                f'<text x="{MARGIN - 6}" y="{y + 4:.1f}" class="small" text-anchor="end">{value:g}</text>'
                f'<path d="M{MARGIN} {y:.1f}H{WIDTH - 12}" stroke="#ddd"/>'
            )
        return parts


def round_numbers(low: float, high: float) -> list[float]:
    """Three to eight numbers from ``low`` to ``high`` that read well: multiples of 1, 2 or 5 times a power of ten."""
    spread = (high - low) or 1.0
    power = 10.0 ** np.floor(np.log10(spread / 3))
    step = next(size * power for size in (5.0, 2.0, 1.0, 0.5) if spread / (size * power) >= 3)
    first, last = np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9)
    return [float(f"{number * step:.10g}") for number in np.arange(first, last + 1)]


def _legend(number: int, name: str, colour: str) -> list[str]:
    y = 26 + 20 * number
    return [
        f'<path d="M{WIDTH} {y - 4}h22" stroke="{colour}" stroke-width="2.4"/>',
        f'<text x="{WIDTH + 28}" y="{y}">{escape(name)}</text>',
    ]


def _svg(width: int, height: int, parts: list[str]) -> bytes:
    style = "text{font:13px sans-serif;fill:#222}.small{font-size:11px}"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}">'
    background = '<rect width="100%" height="100%" fill="#fff"/>'
    return "\n".join([head, f"<style>{style}</style>", background, *parts, "</svg>", ""]).encode()
