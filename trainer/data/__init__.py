"""Readers of pictures and data sets. numpy, pillow and OpenCV only, no Qt; torch in `augmentation` alone."""
