"""Definitions of features, as `isobar features plan` takes them.

A project has entities, sources, views and services; each method adds one and returns its name, by which others name it. `yaml()` is the
definition: JSON, which is YAML. Names, columns, types and expressions are checked by `isobar features plan`, not here.
"""

import json
from typing import Any, Dict, Iterable, List, Mapping, Optional, Union

__all__ = ["Project", "Aggregate", "column", "sql", "on_demand", "count", "sum_of", "mean", "minimum", "maximum", "first", "last", "distinct",
           "quantiles", "top_k", "histogram", "aggregate", "forecast", "ridge", "command", "library", "schedule"]

Fields = Dict[str, Any]


def _without_none(fields: Mapping[str, Any]) -> Fields:
    return {name: value for name, value in fields.items() if value is not None}


def _names(one_or_more: Union[None, str, Iterable[str]]) -> List[str]:
    if one_or_more is None:
        return []
    return [one_or_more] if isinstance(one_or_more, str) else list(one_or_more)


def column(name: str) -> Fields:
    """A column of the key's newest event."""
    return {"column": name}


def sql(expression: str) -> Fields:
    """An expression over the key's newest event."""
    return {"sql": expression}


def on_demand(expression: str, **request: str) -> Fields:
    """Computed when it is asked for, from the request's columns (name=type), the keys and the view's other features."""
    return {"request": request, "sql": expression} if request else {"on_demand": True, "sql": expression}


class Aggregate:
    """An aggregate that waits for its windows."""

    def __init__(self, function: str, of: str, **parameters: Any) -> None:
        # Of rows, as count(*), it is of nothing.
        self._fields = _without_none({"function": function, "of": None if of == "*" else of, **parameters})

    def over(self, *windows: str, kind: Optional[str] = None, hop: Optional[str] = None, exact: Optional[bool] = None) -> Fields:
        """windows: "1h", "30d" …, or "unbounded". Several make a feature each: NAME_1h, NAME_30d."""
        return _without_none({**self._fields, "windows": list(windows), "kind": kind, "hop": hop, "exact": exact})


def aggregate(function: str, of: str = "*", **parameters: Any) -> Aggregate:
    """Any function that definitions know; those below are the frequent ones."""
    return Aggregate(function, of, **parameters)


def count(of: str = "*") -> Aggregate:
    return Aggregate("count", of)


def sum_of(of: str) -> Aggregate:
    return Aggregate("sum", of)


def mean(of: str) -> Aggregate:
    return Aggregate("mean", of)


def minimum(of: str) -> Aggregate:
    return Aggregate("min", of)


def maximum(of: str) -> Aggregate:
    return Aggregate("max", of)


def first(of: str) -> Aggregate:
    return Aggregate("first", of)


def last(of: str) -> Aggregate:
    return Aggregate("last", of)


def distinct(of: str, precision: Optional[int] = None) -> Aggregate:
    return Aggregate("distinct", of, precision=precision)


def quantiles(of: str, *levels: float) -> Aggregate:
    return Aggregate("quantiles", of, quantiles=list(levels))


def top_k(of: str, k: int) -> Aggregate:
    return Aggregate("top_k", of, k=k)


def histogram(of: str, bounds: Iterable[float]) -> Aggregate:
    return Aggregate("histogram", of, bounds=list(bounds))


def schedule(policy: Optional[str] = None, budget: Optional[str] = None, loss: Optional[str] = None, max_staleness: Optional[str] = None,
             **more: Any) -> Fields:
    """How an expensive feature is kept fresh."""
    return _without_none({"policy": policy, "budget": budget, "loss": loss, "max_staleness": max_staleness, **more})


def forecast(of: str, featurizer: str = "stl-arima", *, step: Optional[str] = None, window: Optional[int] = None, period: Optional[int] = None,
             horizon: Optional[int] = None, schedule: Optional[Fields] = None) -> Fields:
    return _without_none({"featurizer": featurizer, "of": of, "step": step, "window": window, "period": period, "horizon": horizon,
                          "schedule": schedule})


def ridge(of: str, item: str, item_factors: str, *, factors: Optional[int] = None, ridge: Optional[float] = None,
          schedule: Optional[Fields] = None) -> Fields:
    return _without_none({"featurizer": "ridge", "of": of, "item": item, "item_factors": item_factors, "factors": factors, "ridge": ridge,
                          "schedule": schedule})


def command(words: Iterable[str], of: Union[str, Iterable[str]], type: str, *, window: Optional[int] = None, batch: Optional[int] = None,
            timeout: Optional[str] = None, schedule: Optional[Fields] = None) -> Fields:
    """What a program of yours makes of a key's newest events: docs/formats/feature-command.md."""
    return _without_none({"featurizer": "command", "command": list(words), "of": _names(of), "type": type, "window": window, "batch": batch,
                          "timeout": timeout, "schedule": schedule})


def library(file: str, of: Union[str, Iterable[str]], type: str, *, arguments: Optional[str] = None, window: Optional[int] = None,
            schedule: Optional[Fields] = None) -> Fields:
    """What a shared library of yours makes of them."""
    return _without_none({"featurizer": "library", "library": file, "arguments": arguments, "of": _names(of), "type": type, "window": window,
                          "schedule": schedule})


class Project:
    """One definition."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._entities: Fields = {}
        self._sources: Fields = {}
        self._views: Fields = {}
        self._services: Fields = {}

    @staticmethod
    def _add(things: Fields, kind: str, name: str, fields: Any) -> str:
        if name in things:
            raise ValueError(f"there is {kind} {name!r} already; a second one would take its place unseen")
        things[name] = fields
        return name

    def entity(self, name: str, keys: Mapping[str, str], **labels: Any) -> str:
        """keys: columns and their types, in the order in which they make the key."""
        return self._add(self._entities, "an entity", name, {"keys": dict(keys), **labels})

    def source(self, name: str, kind: str, schema: Mapping[str, str], timestamp: str, **fields: Any) -> str:
        """fields: what the kind has (path, url, brokers, topic …), created, key, lateness, labels."""
        return self._add(self._sources, "a source", name,
                         {"kind": kind, "schema": dict(schema), "timestamp": timestamp, **_without_none(fields)})

    def view(self, name: str, features: Mapping[str, Any], *, source: Union[None, str, Iterable[str]] = None,
             entity: Union[None, str, Iterable[str]] = None, **fields: Any) -> str:
        """features: by name. fields: where, ttl, online, labels."""
        made: Fields = _without_none(fields)
        if source is not None:
            made["sources"] = _names(source)
        if entity is not None:
            made["entities"] = _names(entity)
        made["features"] = dict(features)
        return self._add(self._views, "a view", name, made)

    def service(self, name: str, features: Iterable[str], **labels: Any) -> str:
        """features: "VIEW:FEATURE", or "VIEW:FEATURE as NAME"."""
        return self._add(self._services, "a service", name, {"features": list(features), **labels})

    def definition(self) -> Fields:
        sections = {"entities": self._entities, "sources": self._sources, "views": self._views, "services": self._services}
        return {"project": self._name, **{name: things for name, things in sections.items() if things}}

    def yaml(self) -> str:
        return json.dumps(self.definition(), indent=2, ensure_ascii=False) + "\n"
