"""The errors a user can cause and can mend. Each message says what, where and what to do."""


class TrainerError(Exception):
    """Base of every error whose message is meant for the user, not for a traceback."""


class ImageError(TrainerError):
    """A file that cannot be opened as a picture."""


class DataError(TrainerError):
    """A data set that is missing, incomplete or inconsistent."""


class CheckpointError(TrainerError):
    """A checkpoint that cannot be read, verified or used."""


class ConfigError(TrainerError):
    """A training configuration or a request that makes no sense.

    Attributes:
        setting: The one that should change; empty if that is not known.
    """

    def __init__(self, message: str, setting: str = "") -> None:
        super().__init__(message)
        self.setting = setting


class CapabilityError(TrainerError):
    """A system was asked for something it cannot do."""
