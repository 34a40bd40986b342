"""The SMT solver that halmos runs: Bitwuzla, told what it needs to know about products and quotients.

No bit-vector solver multiplies or divides wide unknowns in reasonable time; even 16 bits times 8 bits, divided again, is too much
for yices, z3 and Bitwuzla. halmos therefore asks twice: first with products and quotients as functions of which nothing is known,
then, if that leaves a counterexample, with what they are. This adds to the first question what school knows about them, for
exactly those that occur in it. `solver.py --test` proves each such rule for all numbers of 8 bits.
"""

import itertools
import sys

from bitwuzla import Bitwuzla, Kind, Option, Options, Parser, Result, TermManager

PRODUCT, QUOTIENT = "f_evm_bvmul_256", "f_evm_bvudiv_256"


class Rules:
    """What holds for words of `width` bits. Those about sizes of products hold where no product overflows."""

    def __init__(self, tm, width):
        self.tm = tm
        sort = tm.mk_bv_sort(width)
        self.zero, self.one = tm.mk_bv_zero(sort), tm.mk_bv_one(sort)
        # 2 to the power of one eighth, two eighths, … of the bits.
        self.limits = [tm.mk_bv_value(sort, 1 << width * eighths // 8) for eighths in range(1, 8)]

    def say(self, kind, *terms):
        return self.tm.mk_term(kind, list(terms))

    def both(self, *terms):
        return self.say(Kind.AND, *terms)

    def le(self, a, b):
        return self.say(Kind.BV_ULE, a, b)

    def lt(self, a, b):
        return self.say(Kind.BV_ULT, a, b)

    def eq(self, a, b):
        return self.say(Kind.EQUAL, a, b)

    def some(self, a):
        return self.say(Kind.DISTINCT, a, self.zero)

    def fits(self, y, *factors):
        """y times any of the factors does not overflow."""
        return self.say(
            Kind.OR,
            *(
                self.both(self.lt(y, limit), *(self.lt(x, rest) for x in factors))
                for limit, rest in zip(self.limits, reversed(self.limits))
            ),
        )

    def when(self, condition, *conclusions):
        return self.say(Kind.IMPLIES, condition, self.both(*conclusions, self.tm.mk_true()))

    def product(self, p, x, y):
        """p = x · y"""
        yield self.when(self.eq(x, self.zero), self.eq(p, self.zero))
        yield self.when(self.eq(y, self.zero), self.eq(p, self.zero))
        yield self.when(self.eq(x, self.one), self.eq(p, y))
        yield self.when(self.eq(y, self.one), self.eq(p, x))
        yield self.when(self.both(self.fits(y, x), self.some(x)), self.le(y, p))
        yield self.when(self.both(self.fits(y, x), self.some(y)), self.le(x, p))
        for i, j in itertools.combinations(range(7), 2):
            small = self.both(self.lt(x, self.limits[i]), self.lt(y, self.limits[j - i - 1]))
            yield self.when(small, self.lt(p, self.limits[j]))

    def quotient(self, q, a, b):
        """q = a / b, 0 where b is 0"""
        yield self.le(q, a)
        yield self.when(self.eq(b, self.zero), self.eq(q, self.zero))
        yield self.when(self.eq(b, self.one), self.eq(q, a))
        yield self.when(self.lt(a, b), self.eq(q, self.zero))
        yield self.when(self.both(self.some(b), self.le(b, a)), self.some(q))

    def products(self, p, x, r, z, y):
        """p = x · y, r = z · y"""
        fits = self.fits(y, x, z)
        for p, x, r, z in ((p, x, r, z), (r, z, p, x)):
            yield self.when(self.both(fits, self.le(x, z)), self.le(p, r))
            yield self.when(self.both(fits, self.some(y), self.lt(x, z)), self.lt(p, r))

    def sum(self, p, x, r, z, s, w, y):
        """p = x · y, r = z · y, s = w · y"""
        yield self.when(self.eq(x, self.say(Kind.BV_ADD, z, w)), self.eq(p, self.say(Kind.BV_ADD, r, s)))

    def quotients(self, q, a, r, c, b):
        """q = a / b, r = c / b"""
        for q, a, r, c in ((q, a, r, c), (r, c, q, a)):
            more, steps = self.say(Kind.BV_SUB, c, a), self.say(Kind.BV_SUB, r, q)
            yield self.when(self.le(a, c), self.le(q, r))
            yield self.when(self.both(self.le(a, c), self.lt(more, b)), self.le(steps, self.one))
            yield self.when(self.both(self.le(a, c), self.some(b), self.eq(more, b)), self.eq(steps, self.one))

    def back(self, p, x, y, q, a):
        """p = x · y, q = a / y"""
        fits = self.both(self.fits(y, x), self.some(y))
        yield self.when(self.both(fits, self.eq(a, p)), self.eq(q, x))
        yield self.when(self.both(fits, self.le(a, p)), self.le(q, x))
        yield self.when(self.both(fits, self.le(p, a)), self.le(x, q))
        yield self.when(self.both(fits, self.lt(a, p)), self.lt(q, x))


def occurring(assertions):
    """The products and quotients in some terms: {name: [(term, left, right), …]}"""
    found, seen, todo = {PRODUCT: [], QUOTIENT: []}, set(), list(assertions)
    while todo:
        term = todo.pop()
        if term.id() in seen:
            continue
        seen.add(term.id())
        todo += term.children()
        if term.kind() == Kind.APPLY and term[0].symbol() in found:
            found[term[0].symbol()].append((term, term[1], term[2]))
    return found[PRODUCT], found[QUOTIENT]


def about(tm, products, quotients):
    """All rules for these."""
    rules = Rules(tm, 256)
    products = [each for p, x, y in products for each in ((p, x, y), (p, y, x))]
    for p, x, y in products:
        yield from rules.product(p, x, y)
    for q, a, b in quotients:
        yield from rules.quotient(q, a, b)
    for (p, x, y), (r, z, w) in itertools.combinations(products, 2):
        if y == w and p != r:
            yield from rules.products(p, x, r, z, y)
    for (p, x, y), (r, z, v), (s, w, u) in itertools.permutations(products, 3):
        if y == v == u:
            yield from rules.sum(p, x, r, z, s, w, y)
    for (q, a, b), (r, c, d) in itertools.combinations(quotients, 2):
        if b == d:
            yield from rules.quotients(q, a, r, c, b)
    for (p, x, y), (q, a, b) in itertools.product(products, quotients):
        if y == b:
            yield from rules.back(p, x, y, q, a)


def solve(path):
    tm, options = TermManager(), Options()
    options.set(Option.PRODUCE_MODELS, True)
    # Where halmos asks for the second time, products and quotients are looked into only as far as the answer needs them.
    options.set(Option.ABSTRACTION, True)
    parser = Parser(tm, options)
    parser.parse(path, True)
    known = about(tm, *occurring(parser.bitwuzla().get_assertions()))
    text = open(path).read().replace("(check-sat)", "".join(f"(assert {rule})\n" for rule in known) + "(check-sat)")
    Parser(TermManager(), options).parse(text, False, False)


def test():
    tm = TermManager()
    rules, sort = Rules(tm, 8), tm.mk_bv_sort(8)
    x, y, z, w, a, b, c = (tm.mk_const(sort, name) for name in "xyzwabc")

    def mul(m, n):
        return tm.mk_term(Kind.BV_MUL, [m, n])

    def div(m, n):
        return tm.mk_term(Kind.ITE, [rules.eq(n, rules.zero), rules.zero, tm.mk_term(Kind.BV_UDIV, [m, n])])

    all_rules = itertools.chain(
        rules.product(mul(x, y), x, y),
        rules.quotient(div(a, b), a, b),
        rules.products(mul(x, y), x, mul(z, y), z, y),
        rules.sum(mul(x, y), x, mul(z, y), z, mul(w, y), w, y),
        rules.quotients(div(a, b), a, div(c, b), c, b),
        rules.back(mul(x, y), x, y, div(a, y), a),
    )
    for rule in all_rules:
        solver = Bitwuzla(tm)
        solver.assert_formula(tm.mk_term(Kind.NOT, [rule]))
        if solver.check_sat() != Result.UNSAT:
            sys.exit(f"not a rule of arithmetic: {rule}")


if __name__ == "__main__":
    if sys.argv[1] == "--test":
        test()
    else:
        solve(sys.argv[1])
