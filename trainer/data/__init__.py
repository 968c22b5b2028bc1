"""Readers of pictures and data sets. numpy, pillow and OpenCV only: no torch, no Qt."""
