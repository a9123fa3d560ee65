"""A classifier in scikit-learn's manners."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Union

import numpy as np

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.utils import check_random_state
    from sklearn.utils.multiclass import check_classification_targets, unique_labels
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise ImportError("convoy.Classifier needs scikit-learn 1.6 or newer: pip install scikit-learn") from error

from ._errors import UsageError
from ._recipes import recipe as recipe_of
from .models import Model, _with_classes

_Array = np.ndarray[Any, Any]
_Template = Union[Model, Callable[[tuple[int, ...], int], Model]]


class Classifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A network as an estimator of scikit-learn, for ``cross_val_score``, ``GridSearchCV`` and pipelines.

    Parameters
    ----------
    recipe : name of a built-in recipe, or a recipe's file
        Its network, preprocessing, optimizer and schedule are used. The default, with ``model`` None, is "lesson".
    model : a compiled ``convoy.Model``, or a function (image_shape, classes) -> compiled ``convoy.Model``
        Used instead of a recipe. A model is a template: it stays as it is, and each fit begins with fresh weights.
        A ``Sequential`` without an ``Input`` fits images of any shape.
    epochs, batch_size : int
        As in ``Model.fit``. The defaults are those of the recipe, else 1 and 32.
    random_state : int, RandomState or None
        The seed of initial weights, shuffles and dropout. None is 0: a fit then gives the same weights every time.
    threads : int
        The most to use; 0 is one a core.
    verbose : 0, 1 or 2
        As in ``Model.fit``.

    ``X`` holds images ``(N, height, width)`` or ``(N, height, width, channels)``, or flat rows ``(N, features)``, which
    take the shape of the network's images, or are squares where preprocessing changes that shape. ``y`` holds labels of any kind. The last layer gets as many units as there
    are classes.

    Attributes
    ----------
    classes_ : the labels, in the order of the columns of ``predict_proba``
    model_ : the trained ``convoy.Model``
    history_ : what ``Model.fit`` returned

    >>> import convoy, numpy as np
    >>> from sklearn.model_selection import cross_val_score
    >>> x = np.random.default_rng(0).integers(0, 100, (60, 8, 8), dtype=np.uint8)
    >>> x[::2, :4] += 100
    >>> x[1::2, 4:] += 100
    >>> y = np.array(["top", "bottom"] * 30)
    >>> network = convoy.Sequential([convoy.layers.Rescaling(1 / 255), convoy.layers.Flatten(),
    ...                              convoy.layers.Dense(2, activation="softmax")])
    >>> network.compile("adam:learning_rate=0.02")
    >>> scores = cross_val_score(convoy.Classifier(model=network, epochs=30), x, y, cv=3)
    >>> bool(scores.mean() > 0.8)
    True
    """

    def __init__(
        self,
        recipe: str | None = None,
        model: _Template | None = None,
        *,
        epochs: int | None = None,
        batch_size: int | None = None,
        random_state: Any = None,
        threads: int = 0,
        verbose: int = 0,
    ) -> None:
        self.recipe = recipe
        self.model = model
        self.epochs = epochs
        self.batch_size = batch_size
        self.random_state = random_state
        self.threads = threads
        self.verbose = verbose

    def _seed(self) -> int:
        if self.random_state is None:
            return 0
        if isinstance(self.random_state, (int, np.integer)):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(1 << 31))

    def _fresh(self, shape: tuple[int, ...], classes: int) -> Model:
        """A model with fresh weights for images of that shape and so many classes."""
        seed = self._seed()
        if self.model is None:
            template = recipe_of(self.recipe or "lesson", seed=seed, threads=self.threads)
        elif self.recipe is not None:
            raise UsageError("Classifier", "recipe and model are both given; give one of them")
        elif isinstance(self.model, Model):
            template = self.model
        elif callable(self.model):
            template = self.model(shape, classes)
        else:
            raise UsageError("Classifier, model", f"{self.model!r}; expected a convoy.Model or a function that makes one")
        if not template.compiled:
            raise UsageError("Classifier, model", "is not compiled: call compile(optimizer, loss) first")
        return _with_classes(template, classes, seed=seed, threads=self.threads)

    def _images(self, model: Model, x: _Array) -> _Array:
        """Flat rows in the shape of the model's images or, where preprocessing changes that, as squares."""
        shape = model._input_shape()
        if x.ndim != 2 or shape is None or len(shape) == 1:
            return x
        side = math.isqrt(x.shape[1] // shape[2])
        for candidate in (shape, (side, side, shape[2])):
            if math.prod(candidate) == x.shape[1]:
                return x.reshape((len(x), *candidate))
        return x

    def fit(self, X: Any, y: Any) -> Classifier:
        """Trains a network on images and labels, from fresh weights."""
        X, y = validate_data(self, X, y, allow_nd=True)
        check_classification_targets(y)
        self.classes_ = unique_labels(y)
        if len(self.classes_) > 256:
            raise UsageError("y", f"{len(self.classes_)} classes; expected at most 256")
        model = self._fresh(X.shape[1:], len(self.classes_))
        labels = np.searchsorted(self.classes_, y).astype(np.uint8)
        self.history_ = model.fit(
            self._images(model, X), labels, epochs=self.epochs, batch_size=self.batch_size, verbose=self.verbose
        )
        self.model_ = model
        return self

    def predict_proba(self, X: Any) -> _Array:
        """The softmax of every image: ``(N, classes)``, in the order of ``classes_``."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, allow_nd=True)
        return self.model_.predict(self._images(self.model_, X), verbose=0)

    def predict(self, X: Any) -> _Array:
        """The most probable label of every image: ``(N,)``."""
        best = self.predict_proba(X).argmax(axis=1)
        labels: _Array = self.classes_[best]
        return labels

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags
