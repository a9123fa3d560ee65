"""The loss of a network that ends in a softmax, under both of Keras's names.

Both take labels as class numbers or one-hot.
"""

from __future__ import annotations

from typing import Any

from ._errors import UsageError, refuse


class CategoricalCrossentropy:
    """Cross-entropy of softmax and label, the mean over a batch."""

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str = "sum_over_batch_size",
        name: str = "categorical_crossentropy",
        dtype: str | None = None,
    ) -> None:
        refuse(
            "CategoricalCrossentropy",
            from_logits=(from_logits, False),
            axis=(axis, -1),
            reduction=(reduction, "sum_over_batch_size"),
            dtype=(None if dtype == "float32" else dtype, None),
        )
        self.label_smoothing = float(label_smoothing)
        self.name = name
        self._loss = "categorical_crossentropy"


class SparseCategoricalCrossentropy:
    """The same loss."""

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str = "sum_over_batch_size",
        axis: int = -1,
        name: str = "sparse_categorical_crossentropy",
        dtype: str | None = None,
    ) -> None:
        refuse(
            "SparseCategoricalCrossentropy",
            from_logits=(from_logits, False),
            ignore_class=(ignore_class, None),
            reduction=(reduction, "sum_over_batch_size"),
            axis=(axis, -1),
            dtype=(None if dtype == "float32" else dtype, None),
        )
        self.label_smoothing = 0.0
        self.name = name
        self._loss = "sparse_categorical_crossentropy"


_classes: dict[str, type[CategoricalCrossentropy | SparseCategoricalCrossentropy]] = {
    "categorical_crossentropy": CategoricalCrossentropy,
    "CategoricalCrossentropy": CategoricalCrossentropy,
    "sparse_categorical_crossentropy": SparseCategoricalCrossentropy,
    "SparseCategoricalCrossentropy": SparseCategoricalCrossentropy,
}


def get(identifier: Any) -> CategoricalCrossentropy | SparseCategoricalCrossentropy:
    """A loss from itself, its name, or the object that Keras's JSON has for it."""
    if isinstance(identifier, (CategoricalCrossentropy, SparseCategoricalCrossentropy)):
        return identifier
    name, settings = identifier, {}
    if isinstance(identifier, dict):
        name, settings = identifier["class_name"], identifier["config"]
    if name not in _classes:
        expected = '"categorical_crossentropy" or "sparse_categorical_crossentropy"'
        raise UsageError("loss", f"{identifier!r} is not known; expected {expected}")
    return _classes[name](**settings)
