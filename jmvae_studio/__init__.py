"""JMVAE Studio: a live attribute editor for faces."""

__version__ = "0.1.0"
