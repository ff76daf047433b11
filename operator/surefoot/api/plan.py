"""The plan of a release: its spec and its ReleaseClass as one, or a sentence that says why not."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field, ValidationError

from surefoot.api.base import CelRule, sentence
from surefoot.api.interned import interned
from surefoot.api.metrics_source import MetricsSource
from surefoot.api.queries import LooseParameter, MissingParameter, fill_parameters, unguarded
from surefoot.api.release_class import Locked, ReleaseClassSpec
from surefoot.api.spec import ModelReleaseSpec
from surefoot.api.tighten import loosened

Json = dict[str, Any]
# What of a class becomes part of a plan.
_TAKEN = (*(field.value for field in Locked), "metrics")


class Plan(ModelReleaseSpec):
    """What a release is guided by. Kept in its status, so it needs its class no more."""

    metrics: Annotated[MetricsSource | None, Field(description="From the class.")] = None

    rules: ClassVar[tuple[CelRule, ...]] = (
        *ModelReleaseSpec.rules,
        CelRule("has(self.steps)", "a plan needs steps", lambda p: bool(p.steps)),
    )

    @property
    def awaits_class(self) -> bool:
        """It has all of its class already."""
        return False


def resolve(spec: ModelReleaseSpec, of: ReleaseClassSpec | None) -> ModelReleaseSpec | str:
    """The plan of a release under its class (None: it names none), or one sentence."""
    if of is None:
        # Nothing but a query may ask for what only a class has.
        said = _filled(spec.as_written(), {})
        return said if isinstance(said, str) else spec
    name = spec.release_class_name or ""
    merged = _merged(_taken(of), spec.as_written())
    if "steps" not in merged:
        return f"neither the release nor ReleaseClass {name} has steps: write spec.steps"
    values = _parameters(spec, of, name)
    if isinstance(values, str):
        return values
    if values:
        merged["parameters"] = [{"name": n, "value": v} for n, v in values.items()]
    filled = _filled(merged, values)
    if isinstance(filled, str):
        return filled
    try:
        plan = interned(Plan.model_validate(filled))
    except ValidationError as error:
        return f"with ReleaseClass {name}: {sentence(error)}"
    agreed = ReleaseClassSpec.model_validate(_filled(of.as_written(), values)) if values else of
    return loosened(plan, agreed, name) or _escaping(plan) or plan


def covers(plan: Plan, spec: ModelReleaseSpec) -> bool:
    """Whether an accepted plan has all that the spec says, so that it can go on without its class."""
    values = {p.name: p.value for p in plan.parameters}
    filled = _filled(spec.as_written(), values)
    if isinstance(filled, str):
        return False
    filled.pop("suspend", None)
    return _is_part(filled, plan.as_written())


def _taken(of: ReleaseClassSpec) -> Json:
    written = of.as_written()
    return {key: written[key] for key in _TAKEN if key in written}


def _merged(base: Any, over: Any) -> Any:
    """Field by field; of lists only those of named things, of which one of another type is another."""
    if isinstance(base, dict) and isinstance(over, dict):
        if base.get("type") != over.get("type"):
            return over
        return {**base, **{k: _merged(base[k], v) if k in base else v for k, v in over.items()}}
    if _named(base) and _named(over):
        mine = {each["name"]: each for each in over}
        theirs = {each["name"] for each in base}
        kept = [
            _merged(each, mine[each["name"]]) if each["name"] in mine else each for each in base
        ]
        return [*kept, *(each for each in over if each["name"] not in theirs)]
    return over


def _named(node: Any) -> bool:
    return isinstance(node, list) and all(isinstance(e, dict) and "name" in e for e in node)


def _is_part(part: Any, whole: Any) -> bool:
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(key in whole and _is_part(part[key], whole[key]) for key in part)
    if _named(part) and _named(whole):
        there = {each["name"]: each for each in whole}
        return all(each["name"] in there and _is_part(each, there[each["name"]]) for each in part)
    return bool(part == whole)


def _parameters(spec: ModelReleaseSpec, of: ReleaseClassSpec, name: str) -> Mapping[str, str] | str:
    """Every parameter's value, or a sentence about one that is missing or unknown."""
    known = {p.name: p for p in of.parameters}
    given = {p.name: p.value for p in spec.parameters}
    for each in given:
        if each not in known:
            have = ", ".join(known) or "none"
            return f"ReleaseClass {name} has no parameter {each} (it has {have}): correct its name"
    values = {p.name: given.get(p.name, p.default) for p in known.values()}
    for each, value in values.items():
        if value is None:
            what = known[each].description
            hint = f" ({what})" if what else ""
            return f"spec.parameters lacks {each}{hint}, which ReleaseClass {name} needs: add it"
    return {each: value for each, value in values.items() if value is not None}


def _filled(merged: Json, values: Mapping[str, str]) -> Json | str:
    """With every query's parameters filled in, or a sentence about one that is not there."""
    signals = []
    for signal in merged.get("signals", ()):
        try:
            query = fill_parameters(signal["query"], values) if "query" in signal else None
        except MissingParameter as missing:
            return (
                f"signal {signal['name']}: the query names {{{{parameters.{missing}}}}}, which no "
                "ReleaseClass of the release declares: correct its name"
            )
        except LooseParameter as loose:
            return (
                f"signal {signal['name']}: parameter {loose} stands outside of quotes in the query: its "
                "value has to be one number, duration or name"
            )
        signals.append({**signal, "query": query} if query is not None else signal)
    return {**merged, "signals": signals} if "signals" in merged else merged


def _escaping(plan: Plan) -> str | None:
    """A query that the class's matchers cannot be forced into."""
    if plan.metrics is None or not plan.metrics.matchers:
        return None
    for signal in plan.signals:
        said = unguarded(signal.query) if signal.query is not None else None
        if said is not None:
            return f"signal {signal.name}: the ReleaseClass forces matchers into every query, and {said}"
    return None
