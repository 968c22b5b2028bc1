"""Measurements, each a command that prints a table. Of them the tests run only a part of `reliability`."""
