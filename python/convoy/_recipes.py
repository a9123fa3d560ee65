"""Recipes: all settings of a training but the images."""

from __future__ import annotations

import os
from typing import Any

from . import _library
from ._library import lib
from .losses import CategoricalCrossentropy
from .models import Model


def recipes() -> list[str]:
    """The names of the built-in recipes.

    >>> import convoy
    >>> "fast-99" in convoy.recipes()
    True
    """
    names: list[str] = []
    while (name := lib.cvy_recipe_name(len(names))) is not None:
        names.append(name.decode())
    return names


def _text(value: bytes | None) -> str:
    return (value or b"").decode()


def recipe(
    name: str | os.PathLike[str],
    *,
    metrics: Any = ("accuracy",),
    seed: int | None = None,
    threads: int = 0,
    isa: str | None = None,
) -> Model:
    """The model of a recipe, compiled. The defaults of its ``fit`` are the recipe's: epochs or images, batch size,
    schedule and shift. So ``convoy.recipe("fast-99").fit(x, y)`` is that recipe.

    ``name`` is one of ``convoy.recipes()``, or a file in the form of those. The other arguments are those of
    ``Model.compile``.

    >>> import convoy
    >>> model = convoy.recipe("fast-99")
    >>> model.optimizer.learning_rate
    0.015
    """
    pointer = _library.call("cvy_recipe_from", os.fsencode(name))
    try:
        found = pointer.contents
        model = Model._from_handle(_library.call("cvy_recipe_model", pointer))
        model.compile(
            _text(found.compile.optimizer) or "rmsprop",
            CategoricalCrossentropy(label_smoothing=found.compile.label_smoothing),
            metrics=list(metrics),
            seed=found.compile.seed if seed is None else seed,
            threads=threads,
            isa=isa,
        )
        fit = found.fit
        model._fit_defaults = {
            "epochs": fit.epochs or None,
            "images": fit.images or None,
            "batch_size": fit.batch_size or None,
            "schedule": _text(fit.schedule) or None,
            "random_shift": fit.random_shift,
        }
        return model
    finally:
        lib.cvy_recipe_free(pointer)


