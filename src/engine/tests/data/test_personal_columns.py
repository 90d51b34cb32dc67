"""People are told from things: by what a column is called, and by what its values are."""

import pandas as pd
import pytest

from tagship.data.personal_data import is_personal


def personal(name: str, values: list[object], rows: int = 400) -> bool:
    column = pd.Series([values[row % len(values)] for row in range(rows)])
    return is_personal(name, column, column.nunique())


def numbered(pattern: str, count: int = 120) -> list[object]:
    """Each ``#`` of a pattern as a digit, another one in each value."""
    digits = iter(f"{7919 * at + 1000003 * (at % 7)}" for at in range(1, 10**6))
    return [
        "".join(next(digits)[-1] if sign == "#" else sign for sign in pattern) for _ in range(count)
    ]


@pytest.mark.parametrize(
    "pattern",
    [
        "+49 30 1######",
        "+1-555-###-####",
        "(555) ###-####",
        "030/1######",
        "01 23 4# ## ##",
        "020 7### ####",
        "03-####-####",
        "612 ### ###",
        "138 #### ####",
        "+44 (0)20 7### ####",
        "0171 ####### ext 12",
        "192.168.4.1##",
        "2001:db8::####",
        "someone###@example.org",
        "123-45-####",
        "12# Main Street",
        "Hauptstraße ##, 10115 Berlin",
        "Lange Straße ##a",
        "1# rue de la Paix",
        "Calle Mayor 1##",
        "Kerkstraat 1##",
        "ul. Długa 1#",
        "Rua Augusta 1##",
        "北京市朝阳区建国路1##号",
    ],
)
def test_where_somebody_lives_and_is_reached_is_told_by_its_values(pattern: str) -> None:
    assert personal("column_7", numbered(pattern))


@pytest.mark.parametrize(
    "pattern",
    [
        "2024-0#-1#",
        "1#.0#.2024",
        "1.###.###",
        "### ###",
        "#,## €",
        "978-0-306-####-7",
        "0-306-####-2",
        "SKU-##-###",
        "10.0.19041.###",
        "Golf #",
        "Route ##",
        "1#:##",
        "#####-####",
        "1011# Berlin",
        "DE89 #### 0044 0532 0130 00",
        "4111 1111 1111 ####",
    ],
)
def test_codes_dates_and_amounts_are_nobodys(pattern: str) -> None:
    assert not personal("column_7", numbered(pattern))


def test_accounts_are_told_by_their_check_digits() -> None:
    accounts = [f"37040044{account:010d}" for account in range(100)]
    ibans = [f"DE{98 - int(f'{account}131400') % 97:02d}{account}" for account in accounts]
    others = ["DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432"]
    assert personal("column_7", [*ibans, *others])
    assert not personal("column_7", [f"DE11{account}" for account in accounts])
    assert personal("column_7", ["4111 1111 1111 1111", "5500-0000-0000-0004"] * 4, rows=6) is False


LAST = ("Schmidt", "Dupont", "García", "Rossi", "Nowak", "Okafor", "Braund", "Cumings")
FIRST = {
    "English": "James Mary Robert Linda Emily Oliver Zachary Shaniqua Owen Keira",
    "German": "Hans Ursula Jürgen Lena Katharina Uwe Heike Thorben Fritz Silke",
    "French": "Jean-Pierre Camille François Élodie Chloé Théo Amélie Gaston Luc Inès",
    "Spanish": "José María Lucía Javier Ximena Álvaro Carmen Íñigo Pilar Diego",
    "Polish": "Katarzyna Krzysztof Małgorzata Łukasz Agnieszka Piotr Zbigniew Ewa Jan Zofia",
    "Turkish": "Ayşe Mehmet Hüseyin Elif Zeynep Mustafa Emine Tarkan Ali Yusuf",
}


@pytest.mark.parametrize("language", FIRST)
def test_full_names_are_people_in_any_column(language: str) -> None:
    full = [f"{first} {last}" for first in FIRST[language].split() for last in LAST]
    assert personal("column_7", list(full))
    assert personal("column_7", [name.upper() for name in full])
    assert personal("column_7", [", ".join(reversed(name.split())) for name in full])


@pytest.mark.parametrize("language", FIRST)
def test_few_first_names_are_people_too(language: str) -> None:
    assert personal("column_7", list(FIRST[language].split()))
    assert not personal("column_7", list(FIRST[language].split()[:5]))


def test_names_that_no_list_holds_are_told_by_their_form() -> None:
    titles = [f"{last}, {title} Gosta" for last in LAST for title in ("Mr.", "Mrs.", "Miss.")]
    assert personal("column_7", [*titles, "Brown, Mrs. (Elizabeth)"])
    east = [f"{family}{given}" for family in "王李张刘陈杨" for given in ("伟", "秀英", "建国")]
    assert personal("column_7", list(east))
    russian = [
        f"{family}ов Фока Саввович" for family in ("Абрам", "Борис", "Гур", "Ежов", "Жук", "Ильин")
    ]
    assert personal("column_7", [*russian, *(name.replace("ов ", "ин ") for name in russian)])


def test_surnames_are_people_where_the_column_is_called_so() -> None:
    surnames = ["Martin", "Bernard", "Dubois", "Quesnel", "Petit", "Trudeau", "Moreau"]
    values = [f"{name}{end}" for name in surnames for end in ("", "-Li", "-Ba", "ot")]
    assert personal("nom", list(values), rows=40)
    assert not personal("column_7", list(values), rows=40)


@pytest.mark.parametrize(
    "name",
    [
        *("Vorname", "nachname", "Prénom", "NOM_FAMILLE", "te\u0301le\u0301phone", "apellidos"),
        *("cognome", "achternaam", "efternamn", "nazwisko", "příjmení", "фамилия", "客户姓名"),
        *("電話番号", "이메일", "firstName", "customer_name", "geburtsdatum", "ip_address"),
    ],
)
def test_a_column_is_called_personal_in_several_languages(name: str) -> None:
    assert personal(name, [f"x{at}" for at in range(200)])
    assert not personal(name, ["x", "y"])


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("brand", "Mercedes,Bosch,Calvin Klein,Ralph Lauren,Hugo Boss,Paul Smith,Tommy Hilfiger"),
        ("name", "Toyota Corolla,chevrolet chevelle malibu,Ford Pinto,Alfa Romeo,VW Golf,Opel GT"),
        ("city", "Paris,Charlotte,Victoria,Santiago,San Jose,Berlin,Florence,Jackson"),
        ("nombre", "Madrid,Sevilla,Bilbao,Málaga,Valencia,Murcia,Toledo,Burgos"),
        ("species", "Iris setosa,Canis lupus,Rosa canina,Felis catus,Pinus nigra,Quercus robur"),
        ("product_name", "Anna chair,Billy shelf,Ivan table,Lack table,Klippan sofa,Malm bed"),
        ("supplier", "Müller GmbH,Johnson & Johnson,Smith Ltd,Siemens AG,Rossi SpA,Dupont SA"),
        ("comment", "works fine,Mark as done,too expensive,never again,very good,I like it"),
        ("phone_model", "iPhone,Galaxy,Pixel,Nokia,Xperia,Mi,Moto,Redmi"),
        ("firmware_version", "1.2.3.4,1.2.3.5,1.2.4.0,2.0.0.1,2.0.1.0,2.1.0.0,3.0.0.0"),
        ("城市", "北京,上海,广州,深圳,成都,杭州,重庆,西安,南京,武汉"),
    ],
)
def test_things_are_no_people(name: str, values: str) -> None:
    texts = values.split(",")
    assert not personal(name, list(texts), rows=len(texts))
    assert not personal(name, [f"{text}{end}" for text in texts for end in ("", " I", " II")], 24)


def test_numbers_and_dates_are_personal_by_their_name() -> None:
    assert personal("mobile", [4915112340000 + at for at in range(100)])
    assert not personal("amount", [4915112340000 + at for at in range(100)])
    assert not personal("mobile", list(range(100)))
    days = list(pd.date_range("1950-01-01", periods=300))
    assert personal("Geburtsdatum", days)
    assert not personal("email_sent", days)
