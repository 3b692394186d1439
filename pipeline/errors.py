"""The exceptions that reach a user, each one sentence: what was found, what was expected, the way out."""


class PipelineError(Exception):
    """A problem that the user can act on; tools print it without a traceback.

    Args:
        found: what is there, with the offending value.
        expected: what should have been there; may be empty.
        remedy: what to do about it; may be empty.
    """

    def __init__(self, found: str, expected: str = "", remedy: str = "") -> None:
        self.found, self.expected, self.remedy = found, expected, remedy
        message = found
        if expected:
            message += f"; expected {expected}"
        if remedy:
            message += f". {remedy}"
        super().__init__(message)

    def __reduce__(self) -> tuple[type, tuple[str, str, str]]:
        """Keep the three parts when the error crosses a process border (data workers, other ranks)."""
        return type(self), (self.found, self.expected, self.remedy)


class ConfigError(PipelineError):
    """The configuration asks for something that does not exist or does not fit together."""


class DataError(PipelineError):
    """Images, file names or listings are not usable."""


class ManifestError(PipelineError):
    """A run folder, an attempt or its manifest is not what was committed."""


class LockedError(ManifestError):
    """Another process is writing the same stage."""


class CheckpointError(PipelineError):
    """A weights file or a resume point cannot be used."""


class TrainingError(PipelineError):
    """Training cannot go on: a loss is not finite, a frozen teacher has changed."""
