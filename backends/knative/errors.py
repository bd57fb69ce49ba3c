"""What can be wrong with a deployment, each with its place and its remedy."""

from __future__ import annotations

from core.errors import MuError

__all__ = ["EnvironmentProblem", "ImageProblem", "KnativeError", "RenderProblem"]


class KnativeError(MuError):
    """Base of what goes wrong on the way to Knative; the message names the remedy."""


class RenderProblem(KnativeError):
    """The application or the settings have no manifests: a name, a number, a file.

    :ivar setting: which setting it is about, from the outermost name; empty: none in particular.
    """

    def __init__(self, message: str, *setting: str) -> None:
        super().__init__(message)
        self.setting = setting


class ImageProblem(KnativeError):
    """There is no image: no builder, a file that is missing, or a build that failed."""


class EnvironmentProblem(KnativeError):
    """The process in the image was not told what it needs, or was told nonsense.

    :ivar variable: the environment variable.
    """

    def __init__(self, variable: str, trouble: str, remedy: str) -> None:
        super().__init__(f"{variable} {trouble}: {remedy}")
        self.variable = variable
