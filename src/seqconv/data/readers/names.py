"""What columns of times are called, in the larger languages."""

import re


def _compile(words: str) -> re.Pattern[str]:
    return re.compile(rf"(?:{words})s?", re.IGNORECASE)


YEAR = _compile(r"year|yr|yyyy|jahr|année|annee|año|ano|anno|jaar")
QUARTER = _compile(r"quarter|qtr|q|quartal|trimestre|trimester|kwartaal")
MONTH = _compile(r"month|mnth|mon|mm|monat|mois|mes|mês|mese|maand")
WEEK = _compile(
    r"(iso|calendar)?[ _-]?week|week[ _-]?(no|number|of[ _-]?year)|wk|(?-i:kw|KW)|woche|semaine|semana|settimana"
)
DAY = _compile(r"day|day[ _-]?of[ _-]?month|dd|tag|jour|día|dia|giorno|dag")
MINUTE = _compile(r"minute|minuto|minuut")
YEAR_WEEK = re.compile(rf"(year|yr|jahr)?[ _-]?(?:{WEEK.pattern})|yyyyww", re.IGNORECASE)  # of numbers like 202005

# a word of its own, or the end of one like InvoiceDate
DATE = re.compile(r"(.*[\W_])?(date|datum|fecha|time[ _-]?stamp)([\W_].*|time)?|(?-i:.*[a-z]Date)", re.IGNORECASE)
COUNTED = re.compile(rf"{DATE.pattern}|{MONTH.pattern}|{WEEK.pattern}", re.IGNORECASE)  # days, as spreadsheets do
DATED = re.compile(r"date|time|datum|zeit|stamp|fecha|period|month|quarter|week|^data$|^[td]s$", re.IGNORECASE)
NUMBERED = re.compile(  # columns that may hold numbers of time
    rf"(unix|epoch|utc)?[ _-]?(date|time|date[ _-]?time|time[ _-]?stamp|epoch|[td]s)?|{DATE.pattern}"
    rf"|(time[ _-]?)?period|(year[ _-]?)?(?:{MONTH.pattern})|yyyymm(dd)?|{YEAR_WEEK.pattern}",
    re.IGNORECASE,
)
