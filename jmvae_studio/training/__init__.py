"""Runs of the trainer: started, followed and stopped as processes of their own; no widgets, no torch."""
