"""A constructor's keyword arguments as options: from text, to JSON, and in help.

Only keyword-only arguments are options. Their annotations say what they take, and pydantic turns
``--set`` strings into it.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import math
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError
from pydantic_core import PydanticSerializationError

from genbench.errors import PluginError, UsageError, nearest

REQUIRED = inspect.Parameter.empty


@dataclass(frozen=True)
class Option:
    """One keyword-only argument of a plugin's constructor."""

    name: str
    type: Any
    default: Any

    @property
    def required(self) -> bool:
        """Whether it has no default."""
        return self.default is REQUIRED

    @property
    def type_name(self) -> str:
        """What may be given, as ``int >= 1 or null`` or ``mse | bce``."""
        return _told(self.type)


_SIGNS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}


def _told(hint: Any) -> str:
    """An annotation in the words of the one who gives a value, not of the one who wrote it."""
    parts = typing.get_args(hint)
    if hasattr(hint, "__metadata__"):
        bounds = [
            f"{sign} {getattr(limit, name)}"
            for limit in hint.__metadata__
            for name, sign in _SIGNS.items()
            if hasattr(limit, name)
        ]
        return " ".join([_told(hint.__origin__), ", ".join(bounds)]).rstrip()
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return " or ".join("null" if part is type(None) else _told(part) for part in parts)
    if typing.get_origin(hint) is typing.Literal:
        return " | ".join(str(part) for part in parts)
    if isinstance(hint, type) and not parts:
        return hint.__name__
    return str(hint).replace("typing.", "").replace("pathlib.", "")


def options_of(factory: Callable[..., Any]) -> dict[str, Option]:
    """The options that a plugin's class offers, in the order of its signature."""
    constructor = factory.__init__ if isinstance(factory, type) else factory  # type: ignore[misc]
    signature = inspect.signature(constructor)
    try:
        hints = typing.get_type_hints(constructor, include_extras=True)
    except Exception as error:
        raise PluginError(
            f"The annotations of {factory.__qualname__} cannot be read: {error}. Names that "
            "annotate an option must be imported at run time, not under TYPE_CHECKING."
        ) from error
    return {
        name: Option(name, hints.get(name, _type_of_default(parameter)), parameter.default)
        for name, parameter in signature.parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }


def by_position(factory: Callable[..., Any]) -> list[str]:
    """The parameters of a plugin's class that are no options, as they can be given by position."""
    return [
        name
        for name, parameter in inspect.signature(factory).parameters.items()
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]


def _type_of_default(parameter: inspect.Parameter) -> Any:
    return Any if parameter.default in (REQUIRED, None) else type(parameter.default)


def resolve(
    title: str, factory: Callable[..., Any], given: Mapping[str, Any], name: str = "NAME"
) -> dict[str, Any]:
    """All options of a plugin as plain JSON data: those given, checked, and the defaults.

    Args:
        title: what messages call the plugin.
        factory: its class.
        given: values by option; a string is read as ``--set`` would, anything else is checked.
        name: that ``--set`` knows it by.

    Raises:
        UsageError: an unknown option, a value of the wrong type or range, or one that is missing.
    """
    offered = options_of(factory)
    for name in given:
        if name not in offered:
            raise UsageError(
                f"The {title} has no option {name!r}. {_offer(factory, name, offered)}"
            )
    resolved = {}
    for option in offered.values():
        if option.name in given:
            resolved[option.name] = _validate(title, option, given[option.name])
        elif option.required:
            raise UsageError(
                f"The {title} needs its option {option.name!r} ({option.type_name}): "
                f"--set {name}.{option.name}=VALUE"
            )
        else:
            resolved[option.name] = _default(title, option)
    return resolved


def _offer(factory: Callable[..., Any], name: str, offered: Mapping[str, Option]) -> str:
    positional = inspect.signature(factory).parameters
    if name in positional:
        return f"Its constructor takes {name!r} by position; options stand after a '*'."
    return nearest(name, offered) if offered else "It has no options."


def construct(factory: Callable[..., Any], *args: Any, options: Mapping[str, Any]) -> Any:
    """Call a plugin's class with options that `resolve` gave, turned back from plain data."""
    offered = options_of(factory)
    try:
        keywords = {
            name: _adapter(factory.__qualname__, offered[name]).validate_python(value, strict=False)
            for name, value in options.items()
        }
    except ValidationError as error:
        raise PluginError(
            f"The options of {factory.__qualname__} cannot be read: {error}"
        ) from error
    return factory(*args, **keywords)


def _default(title: str, option: Option) -> Any:
    if isinstance(option.default, float) and not math.isfinite(option.default):
        raise PluginError(
            f"The default of the option {option.name!r} of the {title} is {option.default}; a row "
            "holds finite numbers. Use None for none."
        )
    try:
        return _adapter(title, option).dump_python(option.default, mode="json")
    except PydanticSerializationError:
        raise PluginError(
            f"The default of the option {option.name!r} of the {title} is {option.default!r}, "
            "which cannot be written down. Use numbers, text, Literal, Path or lists of them."
        ) from None


def _validate(title: str, option: Option, value: Any) -> Any:
    adapter = _adapter(title, option)
    try:
        text = isinstance(value, str)
        parsed = _from_text(adapter, value) if text else adapter.validate_python(value)
        if isinstance(parsed, float) and not math.isfinite(parsed):
            raise UsageError(
                f"The option {option.name!r} of the {title} takes a finite number, not {value!r}."
            )
        return adapter.dump_python(parsed, mode="json")
    except ValidationError as error:
        why = "; ".join(problem["msg"] for problem in error.errors())
        raise UsageError(
            f"The option {option.name!r} of the {title} takes {option.type_name}, "
            f"not {value!r}: {why}."
        ) from None


def _from_text(adapter: TypeAdapter[Any], text: str) -> Any:
    # Lists, null and the like are written as JSON; a plain word or number as it is.
    if text == "null":
        with contextlib.suppress(ValidationError):
            return adapter.validate_python(None)
    try:
        return adapter.validate_strings(text)
    except ValidationError as plain:
        try:
            return adapter.validate_python(json.loads(text))
        except (ValidationError, ValueError):
            raise plain from None


def _adapter(title: str, option: Option) -> TypeAdapter[Any]:
    try:
        return TypeAdapter(option.type)
    except PydanticSchemaGenerationError:
        raise PluginError(
            f"The option {option.name!r} of the {title} is annotated with {option.type_name}, "
            "which cannot be read from text. Use int, float, bool, str, Literal, Path or lists."
        ) from None
