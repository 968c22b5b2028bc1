"""The latent map without its widgets: codes, their projection onto a plane and the way back."""
