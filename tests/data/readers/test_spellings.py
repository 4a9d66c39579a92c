"""Dates in words, quarters and weeks: against pandas, the standard library's calendar, and dates worked out by hand."""

import datetime as dt

import pandas as pd
import polars
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from seqconv.data.readers.spellings import find_month, respell, respell_cell

MONTHS = {
    "German": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "German, short": "Jan. Feb. Mär. Apr. Mai Jun. Jul. Aug. Sep. Okt. Nov. Dez.",
    "German, older": "Jänner Feber Mrz Apr Mai Juni Juli Aug Sept Okt Nov Dez",
    "French": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "French, short": "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.",
    "French, plain": "JANVIER FEVRIER MARS AVRIL MAI JUIN JUILLET AOUT SEPTEMBRE OCTOBRE NOVEMBRE DECEMBRE",
    "Spanish": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "Spanish, short": "ene feb mar abr may jun jul ago sept oct nov dic",
    "Portuguese": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "Portuguese, short": "jan. fev. mar. abr. mai. jun. jul. ago. set. out. nov. dez.",
    "Italian": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "Italian, short": "gen feb mar apr mag giu lug ago set ott nov dic",
    "Dutch": "januari februari maart april mei juni juli augustus september oktober november december",
    "Dutch, short": "jan. feb. mrt. apr. mei jun. jul. aug. sep. okt. nov. dec.",
    "English": "January February March April May June July August September October November December",
    "English, short": "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC",
}


@pytest.mark.parametrize("language", MONTHS)
def test_months_by_name(language):
    for month, name in enumerate(MONTHS[language].split(), 1):
        assert find_month(name) == month
        for cell in (f"{name} 2020", f"{name}-20", f"1. {name} 2020", f"01-{name}-20", f"2020 {name}"):
            assert respell_cell(cell) == f"2020-{month:02}-01", cell


def test_what_no_month_is_called():
    for word in ("", "ja", "jui", "week", "mayor", "month", "total"):
        assert find_month(word) == 0, word


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("2020-1", "2020-01-01"),
        ("2020/01", "2020-01-01"),
        ("01/2020", "2020-01-01"),
        ("2020M11", "2020-11-01"),
        ("Jan '99", "1999-01-01"),
        ("Jan-68", "2068-01-01"),
        ("JAN2020", "2020-01-01"),
        ("31JAN2020", "2020-01-31"),
        ("January, 2020", "2020-01-01"),
        ("1er février 2020", "2020-02-01"),
        ("15 de agosto de 2020", "2020-08-15"),
        ("1º de enero de 2020", "2020-01-01"),
        ("3rd of March 2020", "2020-03-03"),
        ("2020-Feb-29", "2020-02-29"),
        ("2020Q4", "2020-10-01"),
        ("2020-q2", "2020-04-01"),
        ("2020 Q3", "2020-07-01"),
        ("Q1-20", "2020-01-01"),
        ("Q3/2020", "2020-07-01"),
        ("2Q08", "2008-04-01"),
        ("4T2020", "2020-10-01"),
        ("3. Quartal 2020", "2020-07-01"),
        ("H2 2020", "2020-07-01"),
        ("2020-W53", "2020-12-28"),
        ("2020W05", "2020-01-27"),
        ("2020-W01", "2019-12-30"),
        ("2020-W05-7", "2020-02-02"),
        ("2020W057", "2020-02-02"),
        ("KW 5/2020", "2020-01-27"),
        ("Week 5, 2020", "2020-01-27"),
        ("Wed, 1 Jan 2020 10:00:00 GMT", "2020-01-01 10:00:00 GMT"),
        ("Jan 1, 2020, 1:05 p.m.", "2020-01-01 1:05 PM"),
        ("11/1/2022 12 a.m.", "11/1/2022 12:00 AM"),
        ("01-Jan-2020T10:00", "2020-01-01 10:00"),
        ("01.02.2020 00:00 - 01.02.2020 01:00", "01.02.2020 00:00"),
        ("2020-02-01 10:00 \u2013 2020-02-01 11:00", "2020-02-01 10:00"),
        ("1 Jan 2020 10:00 - 1/1/2020 11:00", "2020-01-01 10:00"),
    ],
)
def test_by_hand(cell, expected):
    assert respell_cell(cell) == expected
    assert respell(polars.Series("t", [cell, "x", cell])).to_list() == [expected, "x", expected]


@pytest.mark.parametrize(
    "cell",
    [
        *("", "Jan", "Jan 20", "20-Jan", "Jan 1", "Q1", "Q1-2020-1", "2020Q5", "2020-W54", "2021-W53", "W05-20"),
        *("H3 2020", "13/2020", "2020-00", "30 Feb 2020", "Total 2020", "May the 5th", "12 Jan 2020 Feb"),
        *("2020-01-31", "1.5", "x" * 99),
        *("01.02.2020 - 10:00", "2020-01-01 - now"),
    ],
)
def test_other_cells_stay(cell):
    assert respell_cell(cell) == cell
    assert respell(polars.Series("t", [cell])).to_list() == [cell]


DAYS = st.dates(dt.date(1970, 1, 1), dt.date(2068, 12, 31))


@pytest.mark.parametrize(
    "form", ["%b %d, %Y", "%B %d, %Y", "%d-%b-%Y", "%d %B %Y", "%b-%d-%Y", "%a, %d %b %Y", "%Y-%b-%d", "%d-%b-%y"]
)
@settings(max_examples=50)
@given(day=DAYS)
def test_days_as_pandas_reads_them(form, day):
    cell = day.strftime(form)
    assert respell_cell(cell) == pd.to_datetime(cell, format=form).date().isoformat()


@settings(max_examples=200)
@given(day=DAYS)
def test_months_quarters_and_weeks_as_pandas_and_the_standard_library_have_them(day):
    for freq in "MQ":
        period = pd.Period(day, freq)
        assert respell_cell(str(period)) == period.start_time.date().isoformat()
    year, week, weekday = day.isocalendar()
    assert respell_cell(f"{year}-W{week:02}-{weekday}") == day.isoformat()
    assert respell_cell(f"{year}W{week:02}") == (day - dt.timedelta(weekday - 1)).isoformat()


@settings(deadline=None)
@given(st.lists(st.text("JanQW0123456789-/.:,' \n", max_size=12) | st.text(max_size=12), min_size=1))
@example([" 0:00\n"])
def test_a_column_is_respelled_as_its_cells_are(cells):
    assert respell(polars.Series("t", cells, polars.String)).to_list() == [respell_cell(cell) for cell in cells]
