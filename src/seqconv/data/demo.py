"""Demo data generated from a seed: short reviews whose class depends on word order, and weather with moving fronts."""

import itertools
import math
import random

import numpy as np

from seqconv.data.records import CLASSES, Series, TextData, Texts

TRAIN_TEXTS, TEST_TEXTS = 4000, 2000
MISLABELLED = 0.04  # fraction of reviews with the wrong class
SALES_MONTHS = 96
SHOPS = ("Aachen", "Bremen", "Celle", "Dresden", "Essen", "Fulda")
HOURS = 4 * 8766

# Reviews. In a clause {a} and {A} speak for the review's class, {b} and {B} against it: an adjective, a noun.


def _words(text: str) -> list[str]:
    return text.split()


GOOD = _words("""brilliant warm funny gripping clever moving honest fresh elegant charming subtle bold tender lively
    sharp vivid graceful witty thoughtful rich superb touching stylish inventive delightful memorable daring""")
BAD = _words("""dull lazy clumsy tired hollow boring shallow noisy messy bland stale flat pointless tedious wooden cheap
    silly confused grating forgettable awkward lifeless predictable sloppy dreary annoying contrived weak""")
GOOD_THINGS = _words("masterpiece triumph joy gem treat pleasure delight success wonder classic")
BAD_THINGS = _words("disaster failure bore mess chore letdown dud flop mistake nuisance")
CLAUSES = """the {part} was {a}
the {part} was not {b}
the {part} was {a} , not {b}
it started {b} but ended {a}
the {part} is less {b} than {a}
i expected a {B} and got a {A}
nobody could call the {part} {b}
hardly a {B}
the {part} is anything but {b}
far from {b} , the {part} felt {a}
what a {A}
not once was the {part} {b}
the {part} looked {b} at first and turned out {a}
more a {A} than a {B}
the {part} is {a} where others are {b}
i cannot say that the {part} was {b}
{adverb} {a} , never {b}
the {part} grew less {b} and more {a}
they said {b} , i say {a}
the {part} was {adverb} {a}
without being {b} the {part} stays {a}
never a {B} , always a {A}
i came for a {B} and left with a {A}
the {part} had no {b} moment
the {part} seems {b} , but it is {a}""".splitlines()
ASIDES = """my {person} slept through the {part}
we saw it {when} in {town}
the trailer promised something {any}
{person} and {person} play two {worker}s in {town}
it runs for {number} minutes
i had read the {source} {when}
the story begins {when} in {town}
a {worker} finds a {object} in {town}
my {person} called the other one {any}
the {source} said nothing about the {object}
{number} people sat around us
a {object} plays some part in it
the {worker} wants the {object} and the {worker} hides it
there is a {object} , a {worker} and a long road to {town}
tickets cost {number} crowns {when}
my {person} likes anything with a {object}
you may have heard of the {worker}
it was shot in {town} {when}
somebody near us thought the {object} was {any}
the {person} drove us home""".splitlines()
SLOTS = {
    "part": _words("""plot cast script music ending dialogue acting camera pace story lead villain humour middle opening
        editing scenery sound mood finale direction romance mystery chase costume design score twist narration"""),
    "adverb": _words("truly simply quietly always often mostly clearly surprisingly wonderfully rather quite plainly"),
    "any": GOOD + BAD,
    "person": _words("brother sister uncle aunt neighbour cousin friend father mother colleague teacher daughter son"),
    "worker": _words("""baker sailor farmer nurse lawyer painter miner tailor pilot clerk singer doctor gardener butcher
        captain writer driver barber fisher banker waiter judge soldier dancer carpenter chemist guard plumber"""),
    "town": _words("""lisbon oslo vienna prague lyon turin bergen ghent leeds cork malmo gdansk porto seville basel
        utrecht tartu bruges split varna"""),
    "when": _words("""yesterday today tonight again on_sunday on_monday on_friday last_week last_year in_winter
        in_spring in_summer in_autumn before_lunch after_dark at_noon in_the_rain on_holiday"""),
    "object": _words("""letter suitcase violin map lamp bicycle boat mirror ring clock photograph key diary coat parcel
        radio telescope ladder kettle parasol bottle painting typewriter necklace compass lantern hat train ticket"""),
    "number": _words("ten twenty thirty forty fifty sixty seventy eighty ninety hundred"),
    "source": _words("book novel play comic review paper article poster poem"),
}


def demo_texts(seed: int = 0) -> TextData:
    """Short lower-case reviews: 4,000 for training and 2,000 for testing, half of each class.

    Most clauses use words of both classes, and only their order shows which one counts ("dull , not witty" and
    "witty , not dull"); off-topic sentences use both too. One review in seven also concedes the opposite once, and
    4 % have the wrong label.

    >>> demo_texts(seed=0).train.labels[:4]
    array([0, 1, 0, 1], dtype=int32)
    """
    chance = random.Random(seed)
    return TextData(*(_make_texts(count, chance, f"demo-text (seed {seed})") for count in (TRAIN_TEXTS, TEST_TEXTS)))


def _make_texts(count: int, chance: random.Random, source: str) -> Texts:
    labels = np.arange(count, dtype=np.int32) % 2
    texts = []
    for label in labels.tolist():
        meant = 1 - label if chance.random() < MISLABELLED else label
        texts.append(_write_review(meant, chance))
    return Texts(texts, labels, CLASSES, source)


def _write_review(label: int, chance: random.Random) -> str:
    sentences = [_fill(chance.choice(CLAUSES), label, chance) for _ in range(chance.randint(1, 3))]
    if len(sentences) > 1 and chance.random() < 0.2:
        sentences[0] = _fill(chance.choice(CLAUSES), 1 - label, chance)
    sentences += [_fill(chance.choice(ASIDES), label, chance) for _ in range(chance.randint(1, 3))]
    chance.shuffle(sentences)
    return " . ".join(sentences) + " ."


def _fill(template: str, label: int, chance: random.Random) -> str:
    kinds = [(BAD, BAD_THINGS), (GOOD, GOOD_THINGS)]
    (own, own_things), (other, other_things) = kinds[label], kinds[1 - label]
    slots = SLOTS | {"a": own, "A": own_things, "b": other, "B": other_things}
    words = []
    for word in template.split():
        name, _, ending = word.removeprefix("{").partition("}")
        words.append(chance.choice(slots[name]).replace("_", " ") + ending if word[0] == "{" else word)
    return " ".join(words)


# Sales


def demo_sales(seed: int = 0) -> dict[str, list[str] | np.ndarray]:
    """Eight years of monthly sales of made-up shops, and the promotions planned for the year after: columns by name.

    Each shop grows at its own pace, sells most in December, and sells a quarter more in a month with a promotion. The
    last twelve rows of each have no sales yet.
    """
    draw = np.random.default_rng(seed)
    rows = np.arange(SALES_MONTHS + 12)
    month = [str(each) for each in np.datetime64("2016-01", "M") + rows]
    peak = np.array([-0.15, -0.2, -0.05, 0.0, 0.05, 0.02, -0.05, -0.1, 0.0, 0.05, 0.15, 0.45])[rows % 12]
    columns: dict[str, list[str] | np.ndarray] = {"month": month * len(SHOPS), "shop": [], "promotion": [], "sales": []}
    parts = []
    for shop in SHOPS:
        level, growth, season = draw.uniform(80, 900), draw.uniform(-0.002, 0.008), draw.uniform(0.6, 1.3)
        promotion = (draw.random(len(rows)) < 0.2).astype(int)
        mean = level * np.exp(growth * rows) * (1 + season * peak) * (1 + 0.25 * promotion)
        noise = np.exp(0.05 * draw.normal(size=len(rows)))
        sales = np.where(rows < SALES_MONTHS, np.round(mean * noise), np.nan)
        parts.append((shop, promotion, sales))
    columns["shop"] = [shop for shop, *_ in parts for _ in rows]
    columns["promotion"] = np.concatenate([promotion for _, promotion, _ in parts])
    columns["sales"] = np.concatenate([sales for *_, sales in parts])
    return columns


# Weather


def demo_series(seed: int = 0) -> Series:
    """Four years of hourly weather at a made-up station: daily and yearly cycles, cold fronts, missing rows and values.

    A front shows in the pressure first: it falls, the wind rises, and when the front arrives, 6 to 18 hours after the
    fall began, the temperature drops and the pressure recovers. A single value does not show which side of a front it
    is on; the order of values does. Rows are missing (the station was down), and so are wind values (an iced sensor).
    """
    draw = np.random.default_rng(seed)
    hours = np.arange(HOURS)
    year = np.cos(2 * math.pi * (hours / 8766 - 0.54))  # 1 in mid July
    day = np.cos(2 * math.pi * (hours - 15) / 24)  # 1 at 15 h
    fall, cold, gust = _draw_fronts(draw)
    cloud = np.clip(0.5 + 0.3 * _wander(draw, 30) + 0.3 * np.maximum(fall, 0) / 8, 0, 1)
    temperature = 9 + 9.5 * year + (4.5 + 2 * year) * (1 - 0.7 * cloud) * day + 2.2 * _wander(draw, 60) - cold
    temperature += 0.3 * draw.normal(size=HOURS)
    pressure = 990 + 6 * _wander(draw, 110) - fall + 0.3 * draw.normal(size=HOURS)
    humidity = 76 - 9 * year - (12 + 5 * year) * day * (1 - 0.6 * cloud) + 14 * (cloud - 0.5) + 5 * _wander(draw, 12)
    wind = np.exp(0.7 + 0.45 * _wander(draw, 18) + 0.15 * day) + gust + 0.2 * draw.normal(size=HOURS)
    values = np.stack([temperature, pressure, np.clip(humidity, 12, 100), np.maximum(wind, 0)], axis=1).round(2)
    frozen = _draw_stretches(draw, count=8, longest=20)
    values[frozen, 3] = np.nan
    kept = np.delete(hours, _draw_stretches(draw, count=6, longest=60))
    times = (np.datetime64("2015-01-01T00:00:00", "s") + hours * np.timedelta64(3600, "s"))[kept]
    missing = int(np.isnan(values[kept, 3]).sum())
    columns = ("temperature (degC)", "pressure (mbar)", "humidity (%)", "wind (m/s)")
    notes = (f"{HOURS - len(kept)} hours without a row", f"{missing} values missing in 'wind (m/s)'")
    return Series(times, values[kept], columns, 3600, f"demo-series (seed {seed})", notes)


def _wander(draw: np.random.Generator, memory_h: float) -> np.ndarray:
    """A first-order autoregressive process `[HOURS]`: mean 0, deviation 1, correlation 1/e after `memory_h` hours."""
    keep = math.exp(-1 / memory_h)
    steps = (draw.normal(size=HOURS) * math.sqrt(1 - keep**2)).tolist()
    return np.array(list(itertools.accumulate(steps, lambda state, step: keep * state + step)))


def _draw_fronts(draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hourly pressure fall (mbar), temperature drop (K) and extra wind (m/s), each `[HOURS]`; one front per 90 h."""
    fall, cold, gust = np.zeros((3, HOURS))
    begins = np.cumsum(draw.gamma(3, 30, size=HOURS // 60)).astype(int)
    for begin in begins[begins < HOURS - 1]:
        strength = draw.gamma(4, 0.25)  # mean 1
        travel_h = draw.uniform(6, 18)
        since = np.arange(min(HOURS - begin, 240))  # hours since the pressure began to fall
        after = since - travel_h  # hours since the front passed
        here = slice(begin, begin + len(since))
        approach = np.clip(since / travel_h, 0, 1)
        fall[here] += 9 * strength * np.where(after < 0, approach, np.exp(-np.maximum(after, 0) / 14))
        cold[here] += 5 * strength * np.where(after < 0, -0.25 * approach, 1) * np.exp(-np.maximum(after, 0) / 48)
        gust[here] += 4 * strength * (12 / travel_h) * np.exp(-((after / 5) ** 2))
    return fall, cold, gust


def _draw_stretches(draw: np.random.Generator, count: int, longest: int) -> np.ndarray:
    """The hours in `count` stretches of 2 to `longest` hours each, away from both ends of the series."""
    begins = draw.integers(100, HOURS - 200, size=count)
    lengths = draw.integers(2, longest + 1, size=count)
    return np.unique(np.concatenate([np.arange(b, b + n) for b, n in zip(begins, lengths, strict=True)]))
