"""Measurements, each a command that prints a table. Not run by the tests."""
