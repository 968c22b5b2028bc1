"""Where the codes of the latent map come from: the bank beside a model."""

from __future__ import annotations

from pathlib import Path

from trainer.bank import Bank, read_bank
from trainer.errors import DataError


def bank_path(model: Path) -> Path:
    """Where the bank of a model file is: NAME-bank.npz beside NAME.safetensors."""
    return model.with_name(f"{model.stem}-bank.npz")


def bank_of(model: Path, digest: str) -> Bank:
    """The bank shipped with a model.

    Args:
        model: The checkpoint.
        digest: Of its weights.

    Raises:
        DataError: There is none, it is damaged, or it holds another model's codes.
    """
    path = bank_path(model)
    if not path.is_file():
        raise DataError(
            f"No bank of latents lies beside {model.name}. Make one with: python -m trainer bank, "
            f"and call it {path.name}."
        )
    bank = read_bank(path)
    if bank.model != digest:
        raise DataError(f"{path.name} holds the codes of another model than {model.name}: make it again.")
    return bank
