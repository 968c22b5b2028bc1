"""The latent map: exact principal components, frames while panning, and opening very many points.

    python -m benchmarks.map [--points N] [--large N] [--latent D]

Prints a table of what was measured beside what is allowed, for codes made from a fixed seed.
"""

from __future__ import annotations

import argparse
import os
from time import perf_counter

import numpy as np

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from jmvae_studio.app import make_application
from jmvae_studio.explore.projection import fit
from jmvae_studio.ui.latent_map import LatentMap

FIT_SECONDS, FRAMES = 1.0, 30.0


def main() -> int:
    """Run the benchmark; 0 if the budgets are kept."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--points", type=int, default=50_000)
    arguments.add_argument("--large", type=int, default=200_000)
    arguments.add_argument("--latent", type=int, default=128)
    arguments.add_argument("--frames", type=int, default=60)
    options = arguments.parse_args()
    application = make_application()
    codes = np.random.default_rng(1).normal(size=(options.large, options.latent)).astype(np.float32)
    started = perf_counter()
    projection = fit(codes)
    fit_seconds = perf_counter() - started
    assert projection is not None
    chart = LatentMap()
    chart.resize(900, 700)
    chart.show()
    application.processEvents()

    started = perf_counter()
    chart.show_points(projection.project(codes))
    chart.view.viewport().repaint()
    application.processEvents()
    open_seconds = perf_counter() - started

    chart.show_points(projection.project(codes[: options.points]))
    box = chart.view.getPlotItem().getViewBox()
    times = []
    for _ in range(options.frames):
        started = perf_counter()
        box.translateBy(x=0.01, y=0.005)
        chart.view.viewport().repaint()
        application.processEvents()
        times.append(perf_counter() - started)
    chart.close()
    frames = 1 / float(np.median(times))
    print("| latent map | measured | allowed |")
    print("|---|---|---|")
    print(
        f"| principal components of {options.large:,} × {options.latent} | {fit_seconds:.2f} s | {FIT_SECONDS} s |"
    )
    print(f"| frames a second, panning {options.points:,} points | {frames:.0f} | {FRAMES:.0f} |")
    print(f"| {options.large:,} points projected and shown | {open_seconds:.2f} s | |")
    kept = fit_seconds <= FIT_SECONDS and frames >= FRAMES
    print("Within the budgets." if kept else "Over the budgets.")
    return 0 if kept else 1


if __name__ == "__main__":
    raise SystemExit(main())
