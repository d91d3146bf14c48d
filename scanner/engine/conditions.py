"""Conditions of rules, compiled once to closures over a frame."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from decimal import Decimal
from functools import partial, reduce
from operator import add, mul, sub
from typing import Any, Protocol, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from scanner.concepts.model import Concept
from scanner.core import AtLeast, Path, Resource, Unknown, is_unknown
from scanner.core.nearest import suggestion
from scanner.engine.limits import LONG, Steps, Stopwatch
from scanner.engine.logic import Truth, Undecided, all_of, any_of, negate
from scanner.engine.operators import NEGATED, ORDER, SIMPLE, compare, matches, number, refused
from scanner.engine.paths import CompiledPath, Found, Frame, PathError, compile_path, items
from scanner.graph import ResourceGraph

QUANTIFIERS = ("some", "none", "every")
_T = TypeVar("_T")
PLAIN_ITEMS_A_STEP = 16
"""Comparing an item with a value is so much cheaper than asking a condition of it."""
OPERATORS = (*SIMPLE, "matches", *NEGATED, *ORDER, "exists", "count", *QUANTIFIERS)


class ConditionError(ValueError):
    """A condition that cannot be compiled."""


class ConceptSource(Protocol):
    """Concepts by kind and by resource."""

    def of_kind(self, name: str) -> list[Concept]:
        """The concepts of a kind."""

    def of_resource(self, resource: Resource) -> list[Concept]:
        """The concepts that a resource carries."""


class World(Struct):
    """What a condition is evaluated against, and the path that decided the latest failure."""

    graph: ResourceGraph
    concepts: ConceptSource
    elsewhere: Mapping[str, bool] = field(default_factory=dict)
    """By key of a question about the whole scan: what the units say that the graph leaves out."""
    pointer: Path | None = None
    watch: Stopwatch = field(default_factory=Stopwatch)
    steps: Steps = field(default_factory=Steps)
    _carriers: dict[tuple[str, str | None], list[Resource]] = field(default_factory=dict)
    _subject: Found | None = None
    _of_subject: dict[str, list[Found]] = field(default_factory=dict)
    _item: Found | None = None
    _of_item: dict[str, list[Found]] = field(default_factory=dict)
    _known: dict[Hashable, Any] = field(default_factory=dict)

    def find(self, path: CompiledPath, frame: Frame) -> list[Found]:
        """What a path with ``[*]`` leads to, looked up once for all items of a subject, or all conditions on an item.

        A rule on each container that asks about all of them would else cost the square of their number.
        """
        if path.root == "$":
            if self._subject is not frame.subject:
                self._subject = frame.subject
                self._of_subject.clear()
            table = self._of_subject
        elif path.root == "@":
            if self._item is not frame.item:
                self._item = frame.item
                self._of_item.clear()
            table = self._of_item
        else:
            return path.find(frame)
        found = table.get(path.text)
        if found is None:
            found = table[path.text] = path.find(frame)
        return found

    def once(self, key: Hashable, find_out: Callable[[], _T]) -> _T:
        """What depends on nothing but ``key``, found out once: many subjects may ask the same of the same."""
        if key not in self._known:
            self._known[key] = find_out()
        known: _T = self._known[key]
        return known

    def carriers(self, target: str, unit: str | None, *, concept: bool) -> Iterable[Resource]:
        """The resources of a type, or those that carry a concept: of one unit, or of the scan (``None``).

        They are listed once for all conditions: a list for each subject would cost the square of their number.
        """
        if (target, None) not in self._carriers:
            carrying = (item.resource for item in self.concepts.of_kind(target))
            found = list(dict.fromkeys(carrying)) if concept else self.graph.of_type(target)
            self._carriers[target, None] = found
            for resource in found:
                self._carriers.setdefault((target, resource.unit), []).append(resource)
        return self._carriers.get((target, unit), ())


Condition = Callable[[Frame, World], Truth]
Operand = Callable[[Frame], Any]
Carried = tuple[Resource, Found]
"""What a condition is asked of, and the resource that it belongs to."""


class Names(Struct, frozen=True):
    """Names that conditions may use: parameters with their values, concepts, edges and named operands."""

    parameters: Mapping[str, Any]
    concepts: frozenset[str]
    edges: frozenset[str] = field(default_factory=frozenset)
    values: Mapping[str, Operand] = field(default_factory=dict)
    """Operands that the rule gives a name."""
    pointing: bool = True
    """Whether the conditions tell which attribute decided them: only those of an assertion need to."""
    checking: bool = True
    """Whether operands are tried out."""


def compile_condition(data: Any, names: Names) -> Condition:
    """The closure of a condition. Raises ``ConditionError``."""
    if isinstance(data, list):
        return _all([compile_condition(item, names) for item in data])
    if not isinstance(data, dict) or not data:
        if data == {}:
            return lambda frame, world: True
        raise ConditionError(f"a condition must be a mapping, found {data!r}")
    if "path" in data:
        return _path_condition(data, names)
    conditions = [_composite(key, value, names) for key, value in data.items()]
    return conditions[0] if len(conditions) == 1 else _all(conditions)


def _composite(key: str, value: Any, names: Names) -> Condition:
    if key == "all":
        return _all([compile_condition(item, names) for item in value])
    if key == "any":
        return _any([compile_condition(item, names) for item in value])
    if key == "not":
        inner = compile_condition(value, names)
        return lambda frame, world: negate(inner(frame, world))
    if key == "related":
        return _related(value, names)
    if key == "present":
        return _present(value, names)
    if key == "always":
        return lambda frame, world: bool(value)
    raise ConditionError(_unknown(key, ("all", "any", "not", "related", "present", "always", "path"), "condition"))


def _unknown(name: str, known: Iterable[str], what: str) -> str:
    return f"unknown {what} {name!r}{suggestion(name, known)}"


def _all(parts: list[Condition]) -> Condition:
    """``all_of`` without a generator: this loop runs for every rule on every resource."""
    if len(parts) == 1:
        return parts[0]

    def decide(frame: Frame, world: World) -> Truth:
        causes: tuple[Unknown, ...] | None = None
        for part in parts:
            held = part(frame, world)
            if held is False:
                return False
            if isinstance(held, Undecided):
                causes = (causes or ()) + held.causes
        return True if causes is None else Undecided(causes)

    return decide


def _any(parts: list[Condition]) -> Condition:
    """``any_of`` without a generator."""
    if len(parts) == 1:
        return parts[0]

    def decide(frame: Frame, world: World) -> Truth:
        causes: tuple[Unknown, ...] | None = None
        for part in parts:
            held = part(frame, world)
            if held is True:
                return True
            if isinstance(held, Undecided):
                causes = (causes or ()) + held.causes
        return False if causes is None else Undecided(causes)

    return decide


def _read_path(text: Any) -> CompiledPath:
    try:
        return compile_path(str(text))
    except PathError as error:
        raise ConditionError(str(error)) from error


def _path_condition(data: dict[str, Any], names: Names) -> Condition:
    path = _read_path(data["path"])
    kind = data.get("as", "number")
    operators = {key: value for key, value in data.items() if key not in ("path", "as")}
    if not operators:
        raise ConditionError(f"{data['path']}: no operator")
    tests = [_test(key, value, kind, path, names) for key, value in operators.items()]
    test = tests[0] if len(tests) == 1 else _together(tests)
    if not names.pointing and path.many:
        return lambda frame, world: test(world.find(path, frame), frame, world)
    if not names.pointing:
        return lambda frame, world: test(path.find(frame), frame, world)

    first_decides = not ("every" in operators or "none" in operators)
    each_alone = path.many and operators.keys().isdisjoint(("count", *QUANTIFIERS))

    def decide(frame: Frame, world: World) -> Truth:
        found = world.find(path, frame) if path.many else path.find(frame)
        before = world.pointer
        result = test(found, frame, world)
        if not isinstance(result, Undecided):
            deciding = found[0] if found else None
            if each_alone and len(found) > 1:
                deciding = next((item for item in found if test([item], frame, world) is result), deciding)
            source = deciding.source if deciding is not None else path.source(frame)
            # the most specific attribute is the line that the user would change; one item may decide for all of them
            pointed = len(world.pointer or ())
            least = pointed if first_decides or world.pointer is before else pointed + 1
            if source is not None and len(source) >= least:
                world.pointer = source
        return result

    return decide


Test = Callable[[list[Found], Frame, World], Truth]


def _together(tests: list[Test]) -> Test:
    return lambda found, frame, world: all_of(test(found, frame, world) for test in tests)


def _test(name: str, wanted: Any, kind: str, path: CompiledPath, names: Names) -> Test:
    if name == "exists":
        return lambda found, frame, world: _exists(found) if wanted else negate(_exists(found))
    if name == "count":
        return _count(wanted, names)
    if name in QUANTIFIERS:
        return _quantifier(name, compile_condition(wanted, names))
    if name in NEGATED:
        positive = _test(NEGATED[name], wanted, kind, path, names)
        return lambda found, frame, world: negate(positive(found, frame, world))
    if name in ORDER:
        return _single(compare(ORDER[name], kind), operand(wanted, names), name)
    if name in (*SIMPLE, "matches"):
        if names.checking:
            _check_operand(name, wanted, names)
        target = operand(wanted, names)
        return _single(SIMPLE[name], target) if name in SIMPLE else _matching(target)
    raise ConditionError(_unknown(name, OPERATORS, "operator"))


def _check_operand(name: str, wanted: Any, names: Names) -> None:
    """Refuse an operand that the operator cannot take, as far as it is known before the scan."""
    if isinstance(wanted, dict):
        if set(wanted) != {"param"} or wanted["param"] not in names.parameters:
            return
        wanted = names.parameters[wanted["param"]]
    if wanted is not None:
        problem = refused(name, wanted)
        if problem:
            raise ConditionError(f"{name}: {problem}")


def _exists(found: list[Found]) -> Truth:
    if any(not is_unknown(item.value) and item.value is not None for item in found):
        return True
    causes = [item.value for item in found if is_unknown(item.value)]
    return Undecided(causes) if causes else False


def _single(check: Callable[[Any, Any], bool | Unknown], wanted: Operand, order: str = "") -> Test:
    """Whether one of the values passes the check, which for ``order`` is a comparison."""

    def test(found: list[Found], frame: Frame, world: World) -> Truth:
        target = wanted(frame)
        if isinstance(target, Unknown):
            return Undecided([target]) if found else False
        if len(found) > LONG:
            world.steps.spend(len(found) // PLAIN_ITEMS_A_STEP)
        unknown: list[Unknown] = []
        for value, _ in found:
            if isinstance(value, Unknown):
                decided = _by_least(value, order, check(value.least, target)) if isinstance(value, AtLeast) else None
                if decided is True:
                    return True
                if decided is None:
                    unknown.append(value)
            elif value is not None:
                held = check(value, target)
                if held is True:
                    return True
                if held is not False:
                    unknown.append(held)
        return Undecided(unknown) if unknown else False

    return test


def _by_least(value: AtLeast, order: str, held: bool | Unknown) -> bool | None:
    """What a comparison that holds, or not, for the least of a count says of the count; ``None`` if nothing."""
    if order in ("gt", "ge"):
        return True if held is True else None
    return False if order in ("lt", "le") and held is False else None


def _matching(wanted: Operand) -> Test:
    def test(found: list[Found], frame: Frame, world: World) -> Truth:
        return _single(partial(matches, watch=world.watch), wanted)(found, frame, world)

    return test


def _values(found: list[Found]) -> list[Found] | Unknown:
    """The items to quantify over: those of the list that a path without ``[*]`` leads to."""
    if len(found) == 1:
        value, source = found[0]
        if isinstance(value, Unknown):
            return value
        if isinstance(value, list):
            return items(value, source)
    return found


def _count(wanted: Any, names: Names) -> Test:
    tests = [(compare(ORDER[key], "number"), operand(value, names)) for key, value in wanted.items() if key in ORDER]
    exact = [operand(value, names) for key, value in wanted.items() if key == "equals"]
    if len(tests) + len(exact) != len(wanted):
        raise ConditionError(_unknown(next(iter(wanted)), (*ORDER, "equals"), "count operator"))

    def test(found: list[Found], frame: Frame, world: World) -> Truth:
        values = _values(found)
        if isinstance(values, Unknown):
            return Undecided([values])
        held = [check(len(values), target(frame)) for check, target in tests]
        return all(held) and all(len(values) == target(frame) for target in exact)

    return test


def _quantifier(name: str, inner: Condition) -> Test:
    def test(found: list[Found], frame: Frame, world: World) -> Truth:
        values = _values(found)
        if isinstance(values, Unknown):
            return Undecided([values])
        if len(values) > LONG:
            world.steps.spend(len(values))
        results = (
            Undecided([item.value]) if is_unknown(item.value)
            else inner(Frame(frame.subject, item, frame.item, frame.resource), world)
            for item in values
        )  # fmt: skip
        if name == "every":
            return all_of(results)
        return any_of(results) if name == "some" else negate(any_of(results))

    return test


_ARITHMETIC: dict[str, Callable[[Decimal, Decimal], Decimal]] = {
    "add": add,
    "subtract": sub,
    "multiply": mul,
    "max": max,
}
"""Operations on numbers. Without one of them there is no result, but the greatest is that of those that are there."""


def known_name(name: Any, known: Iterable[str], what: str) -> str:
    """``name``, which must be one of ``known``. Raises ``ConditionError``."""
    if name not in known:
        raise ConditionError(_unknown(name, known, what))
    return str(name)


def operand(data: Any, names: Names) -> Operand:
    """A literal, ``{param}``, ``{value}``, ``{path}``, or arithmetic on them. Raises ``ConditionError``."""
    if not isinstance(data, dict) or not data:
        return lambda frame: data
    if len(data) != 1:
        raise ConditionError(f"an operand has one key, found {sorted(data)}")
    ((key, value),) = data.items()
    if key == "param":
        constant = names.parameters[known_name(value, names.parameters, "parameter")]
        return lambda frame: constant
    if key == "value":
        return names.values[known_name(value, names.values, "value")]
    if key == "path":
        path = _read_path(value)
        return lambda frame: next((item.value for item in path.find(frame)), None)
    if key in _ARITHMETIC:
        parts = [operand(item, names) for item in value]
        return lambda frame: _computed(key, [part(frame) for part in parts])
    raise ConditionError(_unknown(key, ("param", "value", "path", *_ARITHMETIC), "operand"))


def _computed(operation: str, values: list[Any]) -> Any:
    unknown = next((value for value in values if is_unknown(value)), None)
    if unknown is not None:
        return unknown
    numbers = [number(value) for value in values]
    known = [item for item in numbers if item is not None]
    if not known or (len(known) < len(numbers) and operation != "max"):
        return None
    result = reduce(_ARITHMETIC[operation], known)
    return int(result) if result == result.to_integral_value() else result


def item_of(resource: Resource, targets: list[str], names: Names, world: World) -> list[Found]:
    """What ``resource`` is as one of the targets: its concepts of that kind, or its own attributes."""
    found: list[Found] = []
    for target in targets:
        if target in names.concepts:
            found.extend(
                Found(concept, None)
                for concept in world.concepts.of_resource(resource)
                if type(concept).__name__ == target
            )
        elif resource.type == target:
            found.append(Found(resource.attributes, None))
    return found


def targets_of(value: Any) -> list[str]:
    """The types or concepts that a condition names, one or a list."""
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def _related(data: dict[str, Any], names: Names) -> Condition:
    quantifier = next((name for name in (*QUANTIFIERS, "count") if name in data), None)
    if quantifier is None or "edge" not in data or "to" not in data:
        raise ConditionError("related needs edge, to, and one of some, none, every or count")
    if names.edges and data["edge"] not in names.edges:
        raise ConditionError(_unknown(data["edge"], names.edges, "edge"))
    edge, direction, targets = data["edge"], data.get("direction", "out"), targets_of(data["to"])
    counted = _count(data["count"], names) if quantifier == "count" else None
    # what is said of another resource is no place in this one
    inner = compile_condition(data[quantifier], replace(names, pointing=False)) if counted is None else None

    together = all_of if quantifier == "every" else any_of
    outward = _leads_outward(data.get(quantifier)) or _asks_around(data.get(quantifier))

    def ask(frame: Frame, world: World, other: Resource) -> list[tuple[Found, Truth]]:
        """What ``other`` is as one of the targets, each with the answer of the condition on it."""
        found = item_of(other, targets, names, world)
        if inner is None:
            return [(item, True) for item in found]
        return [(item, inner(Frame(frame.subject, item, frame.item, frame.resource), world)) for item in found]

    def decide(frame: Frame, world: World) -> Truth:
        results: dict[str, list[Truth]] = {}
        reached: list[Found] = []
        neighbours = world.graph.neighbours(frame.resource, edge, direction)
        keep = len(neighbours) > LONG and not outward
        if len(neighbours) > LONG:
            world.steps.spend(len(neighbours))
        for other, possible in neighbours:
            find_out = partial(ask, frame, world, other)
            answers = world.once((decide, other), find_out) if keep else find_out()
            reached.extend(item for item, _ in answers)
            if inner is None or not answers:
                continue
            held = [_certain(one, quantifier) if possible or _doubt(item) is not None else one for item, one in answers]
            results.setdefault(other.address, []).append(together(held))
        if counted is not None:
            return counted(reached, frame, world)
        truth = together(_agreed(alternatives) for alternatives in results.values())
        return negate(truth) if quantifier == "none" else truth

    return decide


def _agreed(alternatives: list[Truth]) -> Truth:
    """What objects of one address agree on: only one of them can be applied, and which is not known."""
    first = alternatives[0]
    if len(alternatives) == 1 or (not isinstance(first, Undecided) and all(one is first for one in alternatives)):
        return first
    causes = [cause for one in alternatives if isinstance(one, Undecided) for cause in one.causes]
    return Undecided(causes or [Unknown("several objects of one name differ in it")])


def _certain(held: Truth, quantifier: str) -> Truth:
    """A possible edge cannot prove anything: what it would decide is undecided."""
    deciding = quantifier != "every"
    return Undecided([Unknown("whether the two are connected is not known")]) if held is deciding else held


def _doubt(item: Found) -> Unknown | None:
    return item.value.doubt if isinstance(item.value, Concept) else None


def believed(held: Truth, item: Found) -> Truth:
    """``held`` of a concept; what holds of one that is itself in doubt is undecided."""
    doubt = _doubt(item)
    return Undecided([doubt]) if doubt is not None and held is True else held


def _present(data: dict[str, Any], names: Names) -> Condition:
    targets = targets_of(data["type"])
    anywhere = data.get("scope", "unit") == "scan"
    inner = compile_condition(data.get("where", {}), replace(names, pointing=False))
    key = question_key(data, names.parameters) if anywhere else ""
    asked = _asked_of_subject(data.get("where"))
    table = _table(data.get("where"))

    def listed(world: World, unit: str | None) -> Iterator[Carried]:
        for target in targets:
            for resource in world.carriers(target, unit, concept=target in names.concepts):
                for item in item_of(resource, targets, names, world):
                    yield resource, item

    def look(frame: Frame, world: World, unit: str | None) -> Iterator[Truth]:
        found: Iterable[Carried] = listed(world, unit) if table is None else ()
        if table is not None:
            found = table.chosen(world.once((table, unit), lambda: table.rows(listed(world, unit))), frame)
        for place, (resource, item) in enumerate(found):
            if place > LONG:
                world.steps.spend(1)
            yield believed(inner(Frame(frame.subject, item, frame.item, resource), world), item)

    def decide(frame: Frame, world: World) -> Truth:
        if anywhere and world.elsewhere.get(key):
            return True
        unit = None if anywhere else frame.resource.unit
        given = None if asked is None else _given(asked, frame)
        if given is None:
            found = any_of(look(frame, world, unit))
        else:
            found = world.once((decide, unit, given), lambda: any_of(look(frame, world, unit)))
        return Undecided([ELSEWHERE]) if found is False and _is_building_block(frame.resource) else found

    return decide


def _leads_outward(data: Any) -> bool:
    """Whether a condition on an item has paths that lead to the rule's subject or to the item around."""
    if isinstance(data, Mapping):
        path = data.get("path")
        return "value" in data or str(path)[:1] in "$^" or any(map(_leads_outward, data.values()))
    return isinstance(data, list) and any(map(_leads_outward, data))


def _asks_around(data: Any) -> bool:
    """Whether a condition asks what stands around the resource that it is asked for."""
    if isinstance(data, Mapping):
        return not data.keys().isdisjoint(("related", "present")) or any(map(_asks_around, data.values()))
    return isinstance(data, list) and any(map(_asks_around, data))


def _asked_of_subject(data: Any) -> list[CompiledPath] | None:
    """The paths of a condition on an item that lead to the rule's subject or to the item around.

    ``None`` where it has named operands, which may lead anywhere.
    """
    if isinstance(data, Mapping):
        if "value" in data:
            return None
        path = str(data.get("path"))
        found: list[CompiledPath] | None = [_read_path(path)] if path[:1] in "$^" and path else []
        parts: Iterable[Any] = data.values()
    else:
        found, parts = [], data if isinstance(data, list) else ()
    for part in parts:
        inner = _asked_of_subject(part)
        if inner is None or found is None:
            return None
        found += inner
    return found


def _given(paths: list[CompiledPath], frame: Frame) -> Hashable | None:
    """The values of paths, by which the answers to questions about them are kept; ``None`` if not all are plain."""
    around = Frame(frame.subject, frame.item, frame.item, frame.resource)
    values = [tuple((type(value), value) for value, _ in path.find(around)) for path in paths]
    plain = all(kind in (str, int, bool, type(None)) for group in values for kind, _ in group)
    return tuple(values) if plain else None


class _Table(Struct, frozen=True):
    """Finds the items of which a text equals one of the subject's, so that not each is compared with each."""

    path: CompiledPath
    wanted: CompiledPath

    def rows(self, found: Iterable[Carried]) -> _Rows:
        """The items by their text."""
        rows = _Rows()
        for place, (resource, item) in enumerate(found):
            rows.all.append((resource, item))
            values = [value for value, _ in self.path.find(Frame(item, item, item, resource))]
            if len(values) == 1 and isinstance(values[0], str):
                rows.by_text.setdefault(values[0], []).append(place)
            elif values:
                rows.others.append(place)
        return rows

    def chosen(self, rows: _Rows, frame: Frame) -> list[Carried]:
        """The items for which the comparison may hold."""
        around = Frame(frame.subject, frame.item, frame.item, frame.resource)
        wanted = next((item.value for item in self.wanted.find(around)), None)
        if not isinstance(wanted, str):
            return rows.all
        return [rows.all[place] for place in sorted((*rows.by_text.get(wanted, ()), *rows.others))]


class _Rows(Struct):
    """All items, and the places in them of those with one text, and of those of which something else is asked."""

    all: list[Carried] = field(default_factory=list)
    by_text: dict[str, list[int]] = field(default_factory=dict)
    others: list[int] = field(default_factory=list)


def _table(data: Any) -> _Table | None:
    """How to find what a condition may hold for, if it asks that a text of the item equals one of the subject."""
    parts = data if isinstance(data, list) else data.get("all", [data]) if isinstance(data, Mapping) else []
    for part in parts:
        path, wanted = (part.get("path"), part.get("equals")) if isinstance(part, Mapping) else (None, None)
        if str(path)[:1] == "@" and isinstance(wanted, Mapping) and str(wanted.get("path"))[:1] in ("$", "^"):
            return _Table(_read_path(path), _read_path(wanted["path"]))
    return None


def question_key(data: Mapping[str, Any], parameters: Mapping[str, Any]) -> str:
    """What tells a ``present`` apart from others, with the parameters that its condition may use."""
    return repr((data, sorted(parameters.items()) if "'param'" in repr(data) else ()))


ELSEWHERE = Unknown("a module that others call does not show what stands beside it")


def _is_building_block(resource: Resource) -> bool:
    """Whether a Terraform resource belongs to a reusable module that is scanned on its own, without a caller."""
    folders = resource.unit.split("/")
    return resource.origin == "terraform" and not resource.module_path and "modules" in folders[:-1]
