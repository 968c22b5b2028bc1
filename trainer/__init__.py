"""Joint multimodal VAEs: models, data, training and evaluation. Usable alone: ``python -m trainer``."""
