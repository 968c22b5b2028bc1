"""Promises about reliability, measured: each one's trials can be repeated, resumed and run in part."""
