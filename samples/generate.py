"""Makes the sample datasets: `python samples/generate.py` writes them, `--check` compares them.

Each article and its abstract are told from one invented study record, so the abstract is really a function of
the article: a model
that learns the form and copies the right names and numbers does well, one that repeats the first sentences
does badly.
Nothing here is medical knowledge.  Orders and messages to a help desk are told from records as well.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
SEED = 20_250_414
EXAMPLES, ORDERS, MESSAGES = 300, 240, 240

SYSTEM = (
    "You are a medical research assistant. Summarize the article you are given as a structured abstract: "
    "objective, methods, results, conclusion."
)
ASK = "Summarize this medical research article:\n\n"

DRUGS = (
    "veloratide", "norastatin", "quilimab", "tesarpine", "oxalomide", "brevidine", "calvitrel", "dormazole", "etravaxin",
    "fenolipine", "garicept", "helimuzumab", "ivorastat", "jantoprine", "kelvaparin", "lumigrelor", "mitazoline", "nexofibrate",
    "orlacitinib", "pirovudine",
)  # fmt: skip
CONDITIONS = (
    ("type 2 diabetes", "fasting glucose"),
    ("essential hypertension", "systolic blood pressure"),
    ("chronic migraine", "monthly headache days"),
    ("rheumatoid arthritis", "the tender joint count"),
    ("moderate asthma", "the exacerbation rate"),
    ("atopic dermatitis", "the eczema severity score"),
    ("chronic kidney disease", "urinary albumin excretion"),
    ("heart failure", "the six-minute walk distance"),
    ("ulcerative colitis", "the mucosal inflammation score"),
    ("obstructive sleep apnoea", "the apnoea-hypopnoea index"),
    ("chronic low back pain", "the disability score"),
    ("non-alcoholic fatty liver disease", "hepatic fat content"),
    ("generalised anxiety disorder", "the anxiety rating"),
    ("iron deficiency anaemia", "haemoglobin concentration"),
    ("psoriasis", "the plaque severity index"),
    ("osteoporosis", "lumbar bone density"),
)
EXPOSURES = (
    "night-shift work", "daily coffee consumption", "long-term statin use", "low vitamin D status", "sedentary behaviour",
    "ambient ozone exposure", "a Mediterranean diet", "habitual short sleep", "regular resistance training", "passive smoking",
)  # fmt: skip
PEOPLE = (
    "adults",
    "older adults",
    "women",
    "men",
    "outpatients",
    "adolescents",
    "veterans",
    "primary-care patients",
)
PLACES = (
    "Northmere",
    "Kestrel Bay",
    "Aldergrove",
    "Santa Perla",
    "Vintheim",
    "Ostrava Falls",
    "Lakmar",
    "Port Ellison",
)
BACKGROUND = (
    "The burden that this disorder places on patients, families and health systems has grown steadily over recent decades.",
    "Despite considerable progress in diagnosis, management remains unsatisfactory for a large share of those affected.",
    "Guidelines differ in their recommendations, mostly because the underlying evidence is of uneven quality.",
    "Earlier reports were limited by short observation, small samples and heterogeneous definitions of the end point.",
    "Several mechanisms have been proposed, and none of them explains the clinical picture completely.",
    "Access to specialised care varies between regions, which makes simple and scalable strategies attractive.",
    "Laboratory work has suggested promising pathways, but translation into practice has been slow.",
    "Patients consistently rank symptom relief above surrogate markers when they are asked what matters to them.",
)
DISCUSSION = (
    "These observations should be read in the light of several limitations, among them incomplete follow-up.",
    "Residual confounding cannot be excluded, although sensitivity analyses gave similar estimates.",
    "The mechanism behind the observation deserves further study in independent populations.",
    "Strengths of the work include blinded assessment of the end point and a prespecified analysis.",
    "Generalisation to other settings requires caution, since recruitment took place in specialised centres.",
    "Future work should examine whether the findings persist over longer periods and in routine care.",
)


@dataclass(frozen=True, slots=True)
class Study:
    """The hidden record that article and abstract are told from; percentages are whole numbers of tenths."""

    design: str
    people: str
    condition: str
    outcome: str
    subject: str
    size: int
    dose_mg: int
    weeks: int
    change: float
    comparison: float
    p_value: float
    adverse: float
    place: str
    age: float
    centres: int
    year: int

    @property
    def is_significant(self) -> bool:
        """Whether the study found a difference, at the usual 5 per cent."""
        return self.p_value < 0.05


def pick[T](rng: random.Random, items: Sequence[T]) -> T:
    """One of the items; only `random()` is used, whose sequence is the same in every version of Python."""
    return items[int(rng.random() * len(items))]


def between(rng: random.Random, low: float, high: float, step: float) -> float:
    """A number from low to high in steps."""
    steps = int((high - low) / step + 1e-9) + 1
    return round(low + int(rng.random() * steps) * step, 4)


def make_study(rng: random.Random) -> Study:
    """An invented study."""
    design = pick(rng, ("trial", "crossover", "cohort", "case-control"))
    condition, outcome = pick(rng, CONDITIONS)
    is_trial = design in {"trial", "crossover"}
    is_significant = rng.random() < 0.7
    comparison = between(rng, 1, 9, 0.1)
    return Study(
        design=design,
        people=pick(rng, PEOPLE),
        condition=condition,
        outcome=outcome,
        subject=pick(rng, DRUGS if is_trial else EXPOSURES),
        size=int(between(rng, 48, 640, 2) if is_trial else between(rng, 900, 24_000, 13)),
        dose_mg=int(between(rng, 5, 400, 5)),
        weeks=int(between(rng, 6, 52, 2)),
        change=round(
            comparison + (between(rng, 6, 24, 0.1) if is_significant else between(rng, 0.1, 1.5, 0.1)), 1
        ),
        comparison=comparison,
        p_value=between(rng, 0.001, 0.049, 0.001) if is_significant else between(rng, 0.06, 0.94, 0.01),
        adverse=between(rng, 1.5, 19.5, 0.1),
        place=pick(rng, PLACES),
        age=between(rng, 31, 74, 0.1),
        centres=int(between(rng, 2, 38, 1)),
        year=int(between(rng, 2004, 2021, 1)),
    )


def abstract(s: Study) -> str:
    """The abstract that the record determines, without any choice left."""
    if s.design in {"trial", "crossover"}:
        return _trial_abstract(s)
    return _observation_abstract(s)


def _trial_abstract(s: Study) -> str:
    design = "randomised, placebo-controlled trial" if s.design == "trial" else "randomised crossover trial"
    verdict = (
        f"{s.subject.capitalize()} improved {s.outcome} in {s.people} with {s.condition}."
        if s.is_significant
        else f"{s.subject.capitalize()} did not improve {s.outcome} in {s.people} with {s.condition}."
    )
    return (
        f"Objective: To determine whether {s.subject} improves {s.outcome} in {s.people} with {s.condition}. "
        f"Methods: In this {design}, {s.size} participants received {s.subject} {s.dose_mg} mg daily "
        f"or placebo for {s.weeks} weeks. "
        f"Results: {s.outcome[0].upper()}{s.outcome[1:]} improved by {s.change}% with {s.subject} and by "
        f"{s.comparison}% with placebo (p = {s.p_value}). Adverse events occurred in {s.adverse}% of participants. "
        f"Conclusion: {verdict}"
    )


def _observation_abstract(s: Study) -> str:
    design = "prospective cohort study" if s.design == "cohort" else "case-control study"
    verdict = (
        f"{s.subject[0].upper()}{s.subject[1:]} was associated with {s.condition} in {s.people}."
        if s.is_significant
        else f"No association between {s.subject} and {s.condition} was found in {s.people}."
    )
    return (
        f"Objective: To examine the association between {s.subject} and {s.condition} in {s.people}. "
        f"Methods: This {design} included {s.size} participants from {s.place}. "
        f"Results: {s.condition[0].upper()}{s.condition[1:]} was found in {s.change}% of exposed and in "
        f"{s.comparison}% of unexposed participants (p = {s.p_value}). "
        f"Conclusion: {verdict}"
    )


def article(s: Study, rng: random.Random) -> str:
    """The article: the record's facts in varying words, among sentences that say nothing about them."""
    start = int(rng.random() * len(BACKGROUND))
    background = [BACKGROUND[(start + i * 3) % len(BACKGROUND)] for i in range(3)]
    start = int(rng.random() * len(DISCUSSION))
    discussion = [DISCUSSION[(start + i) % len(DISCUSSION)] for i in range(2)]
    tell = _trial_sections if s.design in {"trial", "crossover"} else _observation_sections
    methods, results = tell(s, rng)
    paragraphs = (
        " ".join([*background, _aim(s, rng)]),
        " ".join(methods),
        " ".join(results),
        " ".join(discussion),
    )
    return "\n\n".join(paragraphs)


def _aim(s: Study, rng: random.Random) -> str:
    if s.design in {"trial", "crossover"}:
        return pick(
            rng,
            (
                f"We therefore studied {s.subject}, an oral agent, in {s.people} with {s.condition}.",
                f"The present work evaluates {s.subject} as a treatment for {s.people} with {s.condition}.",
            ),
        )
    return pick(
        rng,
        (
            f"We therefore asked whether {s.subject} is related to {s.condition} in {s.people}.",
            f"Whether {s.subject} contributes to {s.condition} in {s.people} has remained open.",
        ),
    )


def _trial_sections(s: Study, rng: random.Random) -> tuple[list[str], list[str]]:
    crossover = s.design == "crossover"
    design = pick(
        rng,
        ("Each participant took both preparations in random order, separated by a washout, in this crossover trial.",
         "The crossover trial gave both preparations to everyone, in an order drawn by lot, with a washout between.")
        if crossover
        else ("Allocation to parallel groups was concealed and drawn by a central computer in this placebo-controlled trial.",
              "In this placebo-controlled trial, parallel groups were formed by a concealed, computer-drawn list."),
    )  # fmt: skip
    methods = [
        design,
        f"Between {s.year} and {s.year + 2}, {s.size} participants were randomised at {s.centres} centres in {s.place}.",
        f"Their mean age was {s.age} years.",
        f"The active preparation was {s.subject} {s.dose_mg} mg daily, and treatment lasted {s.weeks} weeks.",
        f"The primary end point was the change in {s.outcome}.",
    ]
    results = [
        pick(
            rng,
            (
                "Retention was high and did not differ between the periods or groups.",
                "Few participants were lost.",
            ),
        ),
        f"With {s.subject}, {s.outcome} improved by {s.change}%, compared with {s.comparison}% under placebo.",
        f"The difference between the treatments had a p value of {s.p_value}.",
        f"Adverse events, most of them mild, were recorded in {s.adverse}% of participants.",
    ]
    return methods, results


def _observation_sections(s: Study, rng: random.Random) -> tuple[list[str], list[str]]:
    design = (
        f"People free of the disorder were followed from {s.year} for {s.weeks} months in this prospective cohort study."
        if s.design == "cohort"
        else f"People with the disorder were matched by age to controls seen since {s.year} in this case-control study."
    )
    methods = [
        design,
        f"Registers in {s.place} contributed {s.size} participants, whose mean age was {s.age} years.",
        pick(
            rng,
            ("Exposure was ascertained by interview.", "Exposure was taken from a validated questionnaire."),
        ),
        f"Models were adjusted for {s.centres} covariates.",
    ]
    results = [
        pick(rng, ("Missing values were rare.", "Baseline characteristics were balanced after adjustment.")),
        f"Among exposed participants, {s.condition} was found in {s.change}%, among unexposed ones in {s.comparison}%.",
        f"The adjusted comparison had a p value of {s.p_value}.",
    ]
    return methods, results


def rows(count: int, seed: int) -> Iterator[str]:
    """JSON lines of `count` examples."""
    rng = random.Random(seed)
    for _ in range(count):
        study = make_study(rng)
        yield _row(SYSTEM, ASK + article(study, rng), abstract(study))


#: An order, an item and a month in each language.  Items and months stand in the same order everywhere.
LETTERS = {
    "Please send {count} {item} to {place} by {day} {month}. Kind regards, {name}":
        ("filters", "gaskets", "valves", "hoses", "bearings", "March", "May", "June", "October"),
    "Bitte liefern Sie bis zum {day}. {month} {count} {item} nach {place}. Mit freundlichen Grüßen, {name}":
        ("Filter", "Dichtungen", "Ventile", "Schläuche", "Lager", "März", "Mai", "Juni", "Oktober"),
    "Merci d'envoyer {count} {item} à {place} avant le {day} {month}. Cordialement, {name}":
        ("filtres", "joints", "vannes", "tuyaux", "roulements", "mars", "mai", "juin", "octobre"),
    "Les ruego enviar {count} {item} a {place} antes del {day} de {month}. Saludos, {name}":
        ("filtros", "juntas", "válvulas", "mangueras", "rodamientos", "marzo", "mayo", "junio", "octubre"),
    "Prosimy o wysłanie do {place} {count} szt.: {item}, do dnia {day} {month}. Z poważaniem, {name}":
        ("filtry", "uszczelki", "zawory", "węże", "łożyska", "marca", "maja", "czerwca", "października"),
}  # fmt: skip
ITEMS, MONTHS = ("filter", "gasket", "valve", "hose", "bearing"), (3, 5, 6, 10)
NAMES = (
    "A. Lindqvist",
    "Marta Rey",
    "T. Okafor",
    "J. Nowak",
    "C. Brandt",
    "Léa Morel",
    "P. Ivanova",
    "S. Haddad",
)
ORDER = "Read the order. Answer with JSON: count, item, place and day."


def orders(count: int, seed: int) -> Iterator[str]:
    """JSON lines of letters in five languages, each with its order."""
    rng = random.Random(seed)
    for _ in range(count):
        form = pick(rng, tuple(LETTERS))
        item, month = int(rng.random() * len(ITEMS)), int(rng.random() * len(MONTHS))
        number, day, place = int(between(rng, 2, 240, 1)), int(between(rng, 1, 28, 1)), pick(rng, PLACES)
        words = LETTERS[form]
        letter = form.format(
            count=number,
            item=words[item],
            place=place,
            day=day,
            month=words[len(ITEMS) + month],
            name=pick(rng, NAMES),
        )
        order = {"count": number, "item": ITEMS[item], "place": place, "day": f"{MONTHS[month]:02}-{day:02}"}
        yield _row(ORDER, letter, json.dumps(order))


#: Team of a help desk -> what people write to it about.
TEAMS = {
    "network": (
        "the wireless in the east wing",
        "my VPN",
        "the link to the branch office",
        "the video calls",
        "the name server",
    ),
    "accounts": (
        "my password",
        "the new colleague's login",
        "the second factor",
        "my locked account",
        "the shared mailbox",
    ),
    "devices": (
        "my docking station",
        "the printer on floor 3",
        "the second screen",
        "my laptop's battery",
        "the badge reader",
    ),
    "payroll": (
        "my payslip",
        "the travel refund",
        "the overtime of last month",
        "my tax class",
        "the holiday balance",
    ),
}
TROUBLE = (
    "I have a problem with {what} since {when}.",
    "Could somebody look at {what}? It began {when}.",
    "There is something wrong with {what}, and {when} it was worse.",
    "Who can help me with {what}? I wrote {when} already.",
)
WHEN = ("this morning", "yesterday", "the update", "Monday", "last week", "lunch")
AROUND = (
    "I am in a meeting until four.", "My colleague has the same.", "It is not urgent.", "Restarting did not help.",
    "Thank you in advance!", "We move to another floor next week.", "Please call me back.",
)  # fmt: skip
DESK = "Which team is this for: network, accounts, devices or payroll? Answer with one word."


def messages(count: int, seed: int) -> Iterator[str]:
    """JSON lines of messages to a help desk, each with the team that it is for."""
    rng = random.Random(seed)
    for _ in range(count):
        team = pick(rng, tuple(TEAMS))
        trouble = pick(rng, TROUBLE).format(what=pick(rng, TEAMS[team]), when=pick(rng, WHEN))
        text = " ".join(
            [pick(rng, AROUND), trouble, pick(rng, AROUND), f"Room {int(between(rng, 100, 480, 1))}."]
        )
        yield _row(DESK, text, team)


def _row(system: str, user: str, assistant: str) -> str:
    said = {"system": system, "user": user, "assistant": assistant}
    return json.dumps({"messages": [{"role": r, "content": c} for r, c in said.items()]}, ensure_ascii=False)


def files() -> dict[Path, str]:
    """Every generated file, with its text."""
    datasets = HERE / "datasets"
    broken = list(rows(14, SEED + 1))
    broken[6] = broken[6][: len(broken[6]) // 2]
    return {
        datasets / "pubmed-summarization" / "training.jsonl": _lines(rows(EXAMPLES, SEED)),
        datasets / "orders" / "training.jsonl": _lines(orders(ORDERS, SEED + 3)),
        datasets / "help-desk" / "training.jsonl": _lines(messages(MESSAGES, SEED + 4)),
        datasets / "broken" / "broken-line.jsonl": _lines(broken),
        datasets / "broken" / "nine-examples.jsonl": _lines(rows(9, SEED + 2)),
    }


def _lines(texts: Iterator[str] | Sequence[str]) -> str:
    return "".join(f"{text}\n" for text in texts)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files, or compare them; 1 if they differ."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="compare, do not write")
    options = parser.parse_args(arguments)
    stale = []
    for path, text in files().items():
        data = text.encode()
        if options.check:
            if not path.is_file() or path.read_bytes() != data:
                stale.append(path)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            print(f"{path.relative_to(HERE)}: {len(data):,} bytes")
    for path in stale:
        print(
            f"{path.relative_to(HERE)} is not what the generator makes; run: python samples/generate.py",
            file=sys.stderr,
        )
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
