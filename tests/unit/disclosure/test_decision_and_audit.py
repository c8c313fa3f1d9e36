"""What is decided, the audit finds safe: small made-up towns, release after release, with corrections.

The decision and the audit share no code. Where they differ a release is stopped that nobody can mend, or worse.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from audit_world import GM, Archive, Town, districts, domains
from small_figures import frames

from pipeline.disclosure import audit, steps

NOW = "2024-H1"
BETTER, NO_WORSE, HEARD, MONEY = "tom_zrm_verbeterd", "tom_zrm_verbeterd_of_stabiel", "tom_gehoord", "financien"
STATUSES = {"indicator_status": "indicator_code", "life_domain_status": "life_domain_code"}
COUNCIL = {"council_indicator": "indicator_code", "council_life_domain": "life_domain_code"}
Sides = list[tuple[int, int]]


class Draft:
    """A town in which some more people are counted with each release."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        low, high = self.chance.choice([(1, 10), (2, 14), (4, 20), (1, 40)])
        size = self.chance.choice([2, 3, 4, 6])

        def people() -> list[int]:
            return [self.chance.randint(low, high) * (self.chance.random() < 0.85) for _ in range(size)]

        self.no_worse: Sides = [(n, self.chance.randint(n // 2, n)) for n in people()]
        self.better: Sides = [(n, self.chance.randint(0, most)) for n, most in self.no_worse]
        self.heard: Sides = [(n, self.chance.randint(0, n)) for n in people()]
        self.money = [self._outcomes(n) for n in people()]

    def _outcomes(self, n: int) -> tuple[int, int, int]:
        improved = self.chance.randint(0, n)
        stable = self.chance.randint(0, n - improved)
        return improved, stable, n - improved - stable

    def correct(self) -> None:
        """One, two or six people more, here and there."""
        for _ in range(self.chance.randint(0, 2)):
            more, place = self.chance.choice([1, 2, 6]), self.chance.randrange(len(self.heard))
            n, numerator = self.heard[place]
            self.heard[place] = (n + more, numerator + self.chance.randint(0, more))
            place = self.chance.randrange(len(self.heard))
            (n, stable), (_, better) = self.no_worse[place], self.better[place]
            self.no_worse[place] = (n + more, stable + more)
            self.better[place] = (n + more, better + self.chance.randint(0, more))
            place, outcome = self.chance.randrange(len(self.heard)), self.chance.randrange(3)
            outcomes = list(self.money[place])
            outcomes[outcome] += more
            self.money[place] = (outcomes[0], outcomes[1], outcomes[2])

    def town(self) -> Town:
        """The truth of now, with nothing hidden."""
        town = Town(domains=domains(MONEY, NOW, self.money))
        for code, figures in self.figures().items():
            town.counts |= districts(*code, figures)
        return town

    def figures(self) -> dict[tuple[str, str], Sides]:
        """Indicators of the half-year."""
        return {(BETTER, NOW): self.better, (NO_WORSE, NOW): self.no_worse, (HEARD, NOW): self.heard}


SEEDS = [*range(4), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(4, 100))]


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_decided_is_safe(tmp_path: Path, seed: int):
    archive, draft = Archive(tmp_path), Draft(seed)
    shown: dict[tuple[str, str, str], tuple[int, ...]] = {}
    for _ in range(3):
        made = steps.decide(frames(draft.figures(), {(MONEY, NOW): draft.money}), steps.read_history(archive.settings))
        partners, council = draft.town(), draft.town()
        rows = partners.rows()
        for table, code in STATUSES.items():
            for row in made[table].to_dict("records"):
                key = (row[code], row["district_code"], NOW)
                if row["status"].startswith("suppressed"):
                    partners.hide(key, status=row["status"])
                elif row["is_pending"]:
                    partners.pending[key] = shown[key]
                else:
                    shown[key] = rows[key]
        name = archive.candidate(partners)
        found = audit.audit_release(archive.settings, name)
        assert found.is_safe, found.sentences()
        archive.publish(name)
        if not any(made[table]["is_pending"].any() for table in COUNCIL):
            for table, code in COUNCIL.items():
                for row in made[table].to_dict("records"):
                    if row["status"].startswith("suppressed"):
                        council.hide((row[code], GM, NOW), status=row["status"])
            name = archive.candidate(council, "council")
            found = audit.audit_release(archive.settings, name)
            assert found.is_safe, found.sentences()
            archive.publish(name)
        draft.correct()
