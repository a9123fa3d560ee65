"""Optimizers, with Keras's arguments, order and defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import _library
from ._errors import UsageError, refuse
from ._library import lib

if TYPE_CHECKING:
    from .models import Model


class Optimizer:
    """Settings of an optimizer and, once a model is compiled with it, its state."""

    _name = ""

    def __init__(
        self,
        learning_rate: float,
        settings: dict[str, Any],
        *,
        weight_decay: float | None,
        clipnorm: float | None,
        clipvalue: float | None,
        global_clipnorm: float | None,
        use_ema: bool,
        ema_momentum: float,
        ema_overwrite_frequency: int | None,
        loss_scale_factor: float | None,
        gradient_accumulation_steps: int | None,
        name: str | None,
    ) -> None:
        refuse(
            type(self).__name__,
            clipnorm=(clipnorm, None),
            clipvalue=(clipvalue, None),
            global_clipnorm=(global_clipnorm, None),
            ema_overwrite_frequency=(ema_overwrite_frequency, None),
            loss_scale_factor=(loss_scale_factor, None),
            gradient_accumulation_steps=(gradient_accumulation_steps, None),
        )
        self.name = name or self._name
        settings = {**settings, "weight_decay": weight_decay or 0.0, "use_ema": use_ema, "ema_momentum": ema_momentum}
        self._settings = {
            key: value if isinstance(value, bool) else self._number(key, value) for key, value in settings.items()
        }
        self._model: Model | None = None
        self._learning_rate = self._number("learning_rate", learning_rate)

    def _number(self, name: str, value: Any) -> float:
        try:
            return float(value)
        except (TypeError, ValueError):
            hint = "; a schedule is an argument of fit: schedule=" if name == "learning_rate" else ""
            raise UsageError(f"{type(self).__name__}, {name}", f"{value!r} is not a number{hint}") from None

    @property
    def learning_rate(self) -> float:
        """The learning rate; a fit's schedule multiplies it. It may be set at any time, also by a callback."""
        if self._model is None:
            return self._learning_rate
        return float(lib.cvy_learning_rate(self._model._native()))

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        rate = self._number("learning_rate", value)
        if self._model is not None:
            _library.call("cvy_set_learning_rate", self._model._native(), rate)
        self._learning_rate = rate

    @property
    def iterations(self) -> int:
        """How many steps it has done."""
        return 0 if self._model is None else int(lib.cvy_iterations(self._model._native()))

    def get_config(self) -> dict[str, Any]:
        """The settings, by Keras's names."""
        return {"name": self.name, "learning_rate": self.learning_rate, **self._settings}

    def _text(self) -> str:
        """What ``cvy_compile_options.optimizer`` takes."""
        settings = {"learning_rate": self._learning_rate, **self._settings}
        values = (
            f"{key}={str(value).lower() if isinstance(value, bool) else repr(value)}"
            for key, value in settings.items()
        )
        return f"{type(self).__name__.lower()}:{','.join(values)}"


class SGD(Optimizer):
    """Gradient descent, with momentum if wanted."""

    _name = "SGD"

    def __init__(
        self,
        learning_rate: float = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(
            learning_rate,
            {"momentum": momentum, "nesterov": nesterov},
            weight_decay=weight_decay,
            clipnorm=clipnorm,
            clipvalue=clipvalue,
            global_clipnorm=global_clipnorm,
            use_ema=use_ema,
            ema_momentum=ema_momentum,
            ema_overwrite_frequency=ema_overwrite_frequency,
            loss_scale_factor=loss_scale_factor,
            gradient_accumulation_steps=gradient_accumulation_steps,
            name=name,
        )


class RMSprop(Optimizer):
    """Divides the gradient by the root of a moving mean of its square."""

    _name = "rmsprop"

    def __init__(
        self,
        learning_rate: float = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-07,
        centered: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(
            learning_rate,
            {"rho": rho, "momentum": momentum, "epsilon": epsilon, "centered": centered},
            weight_decay=weight_decay,
            clipnorm=clipnorm,
            clipvalue=clipvalue,
            global_clipnorm=global_clipnorm,
            use_ema=use_ema,
            ema_momentum=ema_momentum,
            ema_overwrite_frequency=ema_overwrite_frequency,
            loss_scale_factor=loss_scale_factor,
            gradient_accumulation_steps=gradient_accumulation_steps,
            name=name,
        )


class Adam(Optimizer):
    """Moving means of the gradient and of its square, corrected for their start at 0."""

    _name = "adam"

    def __init__(
        self,
        learning_rate: float = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-07,
        amsgrad: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(
            learning_rate,
            {"beta_1": beta_1, "beta_2": beta_2, "epsilon": epsilon, "amsgrad": amsgrad},
            weight_decay=weight_decay,
            clipnorm=clipnorm,
            clipvalue=clipvalue,
            global_clipnorm=global_clipnorm,
            use_ema=use_ema,
            ema_momentum=ema_momentum,
            ema_overwrite_frequency=ema_overwrite_frequency,
            loss_scale_factor=loss_scale_factor,
            gradient_accumulation_steps=gradient_accumulation_steps,
            name=name,
        )


class AdamW(Adam):
    """Adam with weight decay."""

    _name = "adamw"

    def __init__(
        self,
        learning_rate: float = 0.001,
        weight_decay: float | None = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-07,
        amsgrad: bool = False,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(
            learning_rate,
            beta_1,
            beta_2,
            epsilon,
            amsgrad,
            weight_decay,
            clipnorm,
            clipvalue,
            global_clipnorm,
            use_ema,
            ema_momentum,
            ema_overwrite_frequency,
            loss_scale_factor,
            gradient_accumulation_steps,
            name,
        )


_classes: dict[str, type[Optimizer]] = {c.__name__.lower(): c for c in (SGD, RMSprop, Adam, AdamW)}


def get(identifier: Any) -> Optimizer:
    """An optimizer from itself, its name, the text of a recipe, or the object that Keras's JSON has for it.

    >>> import convoy
    >>> convoy.optimizers.get("sgd:learning_rate=0.1,momentum=0.9").get_config()["momentum"]
    0.9
    """
    if isinstance(identifier, Optimizer):
        return identifier
    settings: dict[str, Any] = {}
    if isinstance(identifier, dict):
        name, settings = identifier["class_name"], identifier["config"]
    elif isinstance(identifier, str):
        name, _, text = identifier.partition(":")
        for pair in filter(None, text.split(",")):
            key, _, value = pair.partition("=")
            settings[key] = value == "true" if value in ("true", "false") else value
    else:
        raise UsageError("optimizer", f"{identifier!r}; expected a name, or an optimizer of convoy.optimizers")
    kind = _classes.get(name.lower())
    if kind is None:
        raise UsageError("optimizer", f"{name!r} is not known; expected sgd, rmsprop, adam or adamw")
    for key in settings:
        if key not in kind.__init__.__code__.co_varnames:
            raise UsageError("optimizer", f"{key!r} is no argument of {kind.__name__}")
    return kind(**settings)
