"""The command ``build``."""

from __future__ import annotations

import argparse

from rich.console import Console

from backends.knative.choices import image_name
from backends.knative.image import Build, build_image

__all__ = ["build"]


def build(options: argparse.Namespace, console: Console, errors: Console) -> int:
    """Build the image, and push it if asked to.

    :raises MuError: it cannot be built.
    """
    settings = Build(
        builder=options.builder,
        base=options.base,
        python=options.python,
        fdb_image=options.fdb_image,
        fdb_library=options.fdb_library,
        uid=options.uid,
        wheels=options.wheels,
        requirements=options.requirements,
        extras=tuple(options.extra),
        push=options.push,
        options=tuple(options.build_option),
    )
    build_image(
        options.application,
        [image_name("--image", options.image)],
        settings,
        lambda line: errors.print(line, markup=False, style="dim"),
    )
    done = "built and pushed" if options.push else "built"
    console.print(f"{options.image} {done}", markup=False)
    console.print(
        f"Next: python -m backends.knative deploy {options.application} --image {options.image}",
        markup=False,
        style="dim",
    )
    return 0
