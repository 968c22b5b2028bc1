"""From attributes to pixels: the resident model, the thread that serves it, the way into the photograph."""
