"""Random Terraform expressions: mostly of the type that fits their place, sometimes of any."""

import random
from collections.abc import Callable

NUMBERS = ["0", "1", "2", "3.5", "10", "0.1", "-4", "1e3", "2.5e-3", "123456789012345678901234567890", "1.10", '"7"']
STRINGS = [
    '"a"', '"gpu-pool"', '""', '"Ünï x"', '"1"', '"a\\nb"', '"e\\u0301"', '"👩‍💻!"', '" pad\\t"', '"true"', '"$${x}"',
    '"%%{y}"', '"q\\"b\\\\"', '"A-b_C.d"', '"don\'t stop"', '"日本語"', '"a,b,,c"', '"x/y/z"', '"\\U0001F600"',
]  # fmt: skip
PATTERNS = ['"[a-z]+"', '"(\\\\w)(\\\\W)?"', '"(?P<first>.)"', '"\\\\d*"', '"^a"', '"b$"', '"[^a]"', '"x|a"', '"(?i)A"']
ARITHMETIC, COMPARISONS = ["+", "-", "*", "/", "%"], ["<", ">", "<=", ">="]
ANY_RATE = 0.04


class Generator:
    """Expressions from one seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._names: list[str] = []
        self._count = 0

    def expression(self) -> str:
        """An expression of a random type."""
        return self.any(self._random.randrange(1, 5))

    def any(self, depth: int) -> str:
        return self._random.choice([self.number, self.boolean, self.text, self.sequence, self.mapping])(depth)

    def _pick(self, kind: Callable[[int], str], depth: int) -> str:
        """Something of the kind, rarely of another, and sometimes a name that is bound."""
        if self._names and self._random.random() < 0.25:
            return self._random.choice(self._names)
        return self.any(depth) if self._random.random() < ANY_RATE else kind(depth)

    def n(self, depth: int) -> str:
        return self._pick(self.number, depth - 1)

    def b(self, depth: int) -> str:
        return self._pick(self.boolean, depth - 1)

    def t(self, depth: int) -> str:
        return self._pick(self.text, depth - 1)

    def s(self, depth: int) -> str:
        return self._pick(self.sequence, depth - 1)

    def m(self, depth: int) -> str:
        return self._pick(self.mapping, depth - 1)

    def a(self, depth: int) -> str:
        return self._pick(self.any, depth - 1)

    def _one_of(self, *makers: Callable[[], str]) -> str:
        return self._random.choice(makers)()

    def _word(self, *words: str) -> str:
        return self._random.choice(words)

    def number(self, depth: int) -> str:
        if depth <= 0 or self._random.random() < 0.2:
            return self._word(*NUMBERS)
        d = depth
        return self._one_of(
            lambda: f"({self.n(d)} {self._word(*ARITHMETIC)} {self.n(d)})",
            lambda: f"({self.b(d)} ? {self.n(d)} : {self.n(d)})",
            lambda: f"{self._word('max', 'min')}({self.n(d)}, {self.n(d)})",
            lambda: f"length({self._word(self.s(d), self.t(d), self.m(d))})",
            lambda: f"{self._word('abs', 'ceil', 'floor', 'signum')}({self.n(d)})",
            lambda: f"-{self.n(d)}",
            lambda: f"{self.s(d)}[{self.n(d)}]",
            lambda: f"try({self.n(d)}, {self.n(d)})",
            lambda: f"tonumber({self.t(d)})",
            lambda: f"sum({self.s(d)})",
            lambda: f"parseint({self.t(d)}, {self._word('10', '16', '36')})",
            lambda: f"index({self.s(d)}, {self.a(d)})",
            lambda: f"max({self.s(d)}...)",
            lambda: f"lookup({self.m(d)}, {self.t(d)}, {self.n(d)})",
        )

    def boolean(self, depth: int) -> str:
        if depth <= 0 or self._random.random() < 0.15:
            return self._word("true", "false", "true", "false", '"true"')
        d = depth
        return self._one_of(
            lambda: f"({self.n(d)} {self._word(*COMPARISONS)} {self.n(d)})",
            lambda: f"({self.b(d)} {self._word('&&', '||')} {self.b(d)})",
            lambda: f"!{self.b(d)}",
            lambda: f"({self.a(d)} {self._word('==', '!=')} {self.a(d)})",
            lambda: f"can({self.a(d)})",
            lambda: f"contains({self.s(d)}, {self.a(d)})",
            lambda: f"({self.a(d)} == null)",
            lambda: f"{self._word('alltrue', 'anytrue')}([{self.b(d)}, {self.b(d)}])",
        )

    def text(self, depth: int) -> str:
        if depth <= 0 or self._random.random() < 0.2:
            return self._word(*STRINGS)
        d = depth
        return self._one_of(
            lambda: f'"<${{{self.t(d)}}}-${{{self.n(d)}}}>"',
            lambda: f'"x ${{~ {self.t(d)} ~}} y"',
            lambda: f"{self._word('upper', 'lower', 'trimspace', 'strrev', 'title', 'chomp')}({self.t(d)})",
            lambda: f"join({self.t(d)}, {self._bound(lambda: f'[for x in {self.s(d)} : ', 'x', lambda: self.t(d))}])",
            lambda: f"replace({self.t(d)}, {self.t(d)}, {self.t(d)})",
            lambda: f'replace({self.t(d)}, "/{self._word(*PATTERNS)[1:-1]}/", "<$1>")',
            lambda: f'"%{{ if {self.b(d)} }}${{{self.t(d)}}}%{{ else ~}} no%{{ endif }}"',
            lambda: self._directive(d),
            lambda: f"{self._word('jsonencode', 'yamlencode')}({self.a(d)})",
            lambda: f"substr({self.t(d)}, {self.n(d)}, {self.n(d)})",
            lambda: f'format("{self._word("%s", "%v", "%q", "%5s|", "%-6s|", "%#v", "%.2s")}", {self.a(d)})',
            lambda: (
                f'format("{self._word("%d", "%05.2f", "%x", "%g", "%.3e", "%+d", "%o", "%v", "%6g")}", {self.n(d)})'
            ),
            lambda: f"{self._word('trim', 'trimprefix', 'trimsuffix')}({self.t(d)}, {self.t(d)})",
            lambda: f"({self.b(d)} ? {self.t(d)} : {self.a(d)})",
            lambda: f"element({self.s(d)}, {self.n(d)})",
            lambda: f"tostring({self.a(d)})",
            lambda: f"coalesce({self.a(d)}, {self.t(d)})",
            lambda: f"(<<-EOT\n    ${{{self.t(d)}}}\n      deep ${{{self.n(d)}}}\n    EOT\n)",
            lambda: f"{self._word('md5', 'sha1', 'base64encode', 'urlencode')}({self.t(d)})",
            lambda: f"indent(2, {self.t(d)})",
            lambda: f"regex({self._word(*PATTERNS)}, {self.t(d)})",
        )

    def sequence(self, depth: int) -> str:
        if depth <= 0 or self._random.random() < 0.1:
            return self._word("[]", "[1, 2]", '["a", "b", "a"]', '[null, "x"]', "[[1], [2]]", "[{a = 1}, {a = 2}]")
        d = depth
        return self._one_of(
            lambda: f"[{self.a(d)}, {self.a(d)}]",
            lambda: f"[{self.n(d)}, {self.n(d)}, {self.n(d)}]",
            lambda: f"concat({self.s(d)}, {self.s(d)})",
            lambda: f"{self._bound(lambda: f'[for i, x in {self.s(d)} : ', 'x', lambda: self.a(d))}]",
            lambda: (
                f"{self._bound(lambda: f'[for x in {self._word(self.s(d), self.m(d))} : ', 'x', lambda: self.a(d))}"
                f" if {self.b(d)}]"
            ),
            lambda: (
                f"{self._word('reverse', 'distinct', 'flatten', 'sort', 'compact', 'tolist', 'toset')}({self.s(d)})"
            ),
            lambda: f"slice({self.s(d)}, 0, {self.n(d)})",
            lambda: f"split({self.t(d)}, {self.t(d)})",
            lambda: f"range(min({self.n(d)}, 20))",
            lambda: f"{self._word('keys', 'values')}({self.m(d)})",
            lambda: f"chunklist({self.s(d)}, {self.n(d)})",
            lambda: f"{self._word('setunion', 'setintersection', 'setproduct')}({self.s(d)}, {self.s(d)})",
            lambda: f"setsubtract({self.s(d)}, {self.s(d)})",
            lambda: f"({self.b(d)} ? {self.s(d)} : {self.s(d)})",
            lambda: f"{self.s(d)}[*]{self._word('', '.a', '[0]')}",
            lambda: f"{self.a(d)}[*]",
            lambda: f"regexall({self._word(*PATTERNS)}, {self.t(d)})",
            lambda: f'formatlist("%s-%v", {self.s(d)}, {self.a(d)})',
            lambda: f"coalescelist({self.s(d)}, {self.s(d)})",
            lambda: f"matchkeys({self.s(d)}, {self.s(d)}, {self.s(d)})",
            lambda: f"jsondecode(jsonencode({self.s(d)}))",
        )

    def mapping(self, depth: int) -> str:
        if depth <= 0 or self._random.random() < 0.15:
            return self._word("{}", "{a = 1}", '{a = "x", b = 2}', '{"k-1" = [1], b = null}', "{a = {b = true}}")
        d = depth
        return self._one_of(
            lambda: f"{{a = {self.a(d)}, b = {self.a(d)}}}",
            lambda: f"{{({self.t(d)}) = {self.a(d)}, {self._word(*STRINGS)} = {self.a(d)}}}",
            lambda: f"merge({self.m(d)}, {self.m(d)})",
            lambda: f"{self._bound(lambda: f'{{for i, x in {self.s(d)} : i => ', 'x', lambda: self.a(d))}}}",
            lambda: (
                f"{self._bound(lambda: f'{{for x in {self.s(d)} : ', 'x', lambda: f'{self.t(d)} => {self.a(d)}...')}}}"
            ),
            lambda: (
                f'{self._bound(lambda: f"{{for k, x in {self.m(d)} : k => ", "x", lambda: self.a(d))} if k != "a"}}'
            ),
            lambda: f"zipmap({self.s(d)}, {self.s(d)})",
            lambda: f"tomap({self.m(d)})",
            lambda: f"transpose({{a = {self.s(d)}, b = {self.s(d)}}})",
            lambda: f"({self.b(d)} ? {self.m(d)} : {self.m(d)})",
            lambda: f"yamldecode(yamlencode({self.m(d)}))",
        )

    def _directive(self, depth: int) -> str:
        inner = self._bound(lambda: f'"%{{ for x in {self.s(depth)} ~}} ${{', "x", lambda: self.t(depth))
        return f'{inner}}}, %{{ endfor }}"'

    def _bound(self, head: Callable[[], str], name: str, body: Callable[[], str]) -> str:
        """``head`` and then ``body``, in which the name may be used under a name of its own."""
        own = f"{name}{self._count}"
        self._count += 1
        start = head().replace(f" {name} in", f" {own} in")
        self._names.append(own)
        try:
            return start + body()
        finally:
            self._names.pop()


def expressions(seed: int, count: int) -> list[str]:
    """``count`` random expressions, the same for the same seed."""
    generator = Generator(seed)
    return [generator.expression() for _ in range(count)]


def chains(seed: int, count: int) -> list[str]:
    """``count`` numbers from operators and conditionals without parentheses, where precedence and order decide."""
    draw = random.Random(seed)

    def joined(part: Callable[[], str], operators: list[str], most: int) -> str:
        return "".join(f"{part()} {draw.choice(operators)} " for _ in range(draw.randrange(most))) + part()

    def digit() -> str:
        return draw.choice(["", "", "-"]) + str(draw.randint(1, 9))

    def sum_() -> str:
        return joined(digit, ARITHMETIC, 4)

    def comparison() -> str:
        compared = f"{sum_()} {draw.choice(COMPARISONS)} {sum_()}"
        return draw.choice(["true", "!false", compared, f"{compared} == !true", f"{sum_()} != {sum_()}"])

    def chain(depth: int) -> str:
        if depth == 0 or draw.random() < 0.2:
            return sum_()
        return f"{joined(comparison, ['&&', '||'], 4)} ? {chain(depth - 1)} : {chain(depth - 1)}"

    return [chain(3) for _ in range(count)]
