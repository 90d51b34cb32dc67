"""Which columns hold personal data: names of people, where they live and how they are reached.

Told by a column's name, in several languages, and by its values. Only values tell names of people
from names of things: brands, cities and products have names, too.
"""

import ipaddress
import re
from collections.abc import Callable

import pandas as pd

from tagship.data.first_names import EAST_ASIAN_SURNAMES, FIRST_NAMES, SURNAMES
from tagship.data.text_normalization import plain, plain_words, words


def _hints(names: str) -> list[frozenset[str]]:
    """The words that a column's name has, for each of ``names``."""
    return [frozenset(name.split("-")) for name in plain_words(names)]


_BIRTH = _hints(
    """dob birthdate birthday birth-date geburtsdatum geburtstag date-naissance fecha-nacimiento
    data-nascimento data-nascita geboortedatum fødselsdato födelsedatum syntymäaika"""
)
_PERSONAL = _BIRTH + _hints(
    """email mail phone telephone tel mobile cellphone fax ssn passport iban address street surname
    firstname lastname fullname forename username social-security credit-card card-number
    account-number first-name last-name full-name middle-name given-name family-name maiden-name
    user-name customer-name client-name patient-name employee-name person-name contact-name
    license-plate
    vorname nachname familienname geburtsname kundenname mitarbeitername benutzername
    ansprechpartner telefon telefonnummer handy handynummer mobilnummer rufnummer faxnummer
    adresse anschrift straße emailadresse kontonummer ausweisnummer
    prénom nom-famille nom-complet téléphone courriel rue
    apellido apellidos nombre-completo teléfono celular correo dirección calle dni pasaporte
    sobrenome apelido nome-completo telefone telemóvel endereço morada cpf
    cognome nominativo telefono cellulare indirizzo codice-fiscale
    voornaam achternaam telefoon telefoonnummer adres straat
    förnamn efternamn fornavn efternavn etternavn adress personnummer
    etunimi sukunimi puhelin puhelinnumero osoite henkilötunnus data-urodzenia
    imię nazwisko ulica pesel příjmení priezvisko adresa vezetéknév keresztnév telefonszám lakcím
    prenume soyad soyadi soyisim имя фамилия отчество фио телефон адрес паспорт прізвище
    επώνυμο τηλέφωνο διεύθυνση"""
)
_PERSONAL_PARTS = plain_words(
    """姓名 电话 電話 手机号 手機 邮箱 住址 地址 身份证 氏名 名前 住所 携帯 メール 生年月日
    이름 성명 전화 휴대폰 주소 이메일 생년월일"""
)
"""Of names in scripts that put no blank between words."""
_THINGS = plain_words(
    "model brand make type kind plan service os version release build firmware status category"
)
"""With these beside it, a name such as ``phone`` is about a thing."""
_NAMED_THINGS = _THINGS | plain_words(
    """product item article company firm organisation organization city town village place country
    state region species breed title book movie film song track album team club store shop supplier
    vendor manufacturer publisher restaurant hotel ship storm file produkt marke modell hersteller
    firma stadt ort land produit marque modèle ville pays producto marca modelo ciudad país prodotto
    città prodotti produto cidade merk stad"""
)
"""With these beside it, ``name`` is a thing's, even if the thing is called after a person."""
_MAYBE_PEOPLE = plain_words(
    """name nom nombre nome naam namn navn nimi név jméno meno nume isim adi ime όνομα 名
    customer client contact patient passenger employee person user owner author player agent manager
    teacher student driver doctor member kunde kundin mitarbeiter cliente paciente"""
)
"""A column of this name holds people if a few of its values are names of people."""

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PHONE = re.compile(
    r"""(
    (\+|00[ -]?)[1-9]\d{0,2}[ ()/-]*\d[\d ()/-]{4,14}     # +49 30 123456, 0049-30-123456
    | \(0?\d{2,5}\)[ -]?\d[\d -]{4,9}                     # (030) 123456, (11) 91234-5678
    | (?=(\D*\d){9,11}([ ]?(x|ext)|$)) 0\d{1,4}([ /.-]{1,3}\d{2,8}){1,4}  # 030/1234567
    | \d{3}[-. ]\d{3}[-. ]\d{4}                           # 555-123-4567
    | [5-9]\d\d[ -]\d{3}[ -]\d{3} | [67]\d\d([ ]\d\d){3}  # 612 345 678
    | \d\d([ ]\d\d){3}                                    # 12 34 56 78
    | \d{5}[ -]\d{5} | 1[3-9]\d[ -]\d{4}[ -]\d{4}         # 98765 43210, 138 1234 5678
    )([ ]?(x|ext\.?)[ ]?\d{1,6})?""",
    re.VERBOSE,
)
_SOCIAL_SECURITY = re.compile(r"\d{3}-\d{2}-\d{4}")
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
_CARD = re.compile(r"\d{4}([ -]\d{4}){3}")
_ADDRESS = re.compile(
    r"""\b\d+\s?[a-z]?,?\s([^\W\d][\w.'\u2019-]*\s){1,4}(street|st|road|rd|avenue|ave|lane|ln|drive|dr
        |boulevard|blvd|court|ct|way|square|sq|terrace|crescent|close|highway|hwy|parkway)\b
    | \b[^\W\d](\w+\s|[\w.-]*)(straße|strasse|str\.|weg|platz|allee|gasse|straat|laan|plein|gracht
        |gatan|vägen|gata|vej|veien|gade|katu)\s\d+
    | \b(rue|chemin|impasse|quai|calle|avenida|avda|paseo|plaza|carrera|rua|travessa|via|viale
        |corso|piazza|vicolo|ul\.|ulica|ул\.?|улица|проспект)\s([^\W\d][\w.'\u2019-]*,?\s){1,5}
        (n[°º.]?\s?)?\d+
    | \b\d+\s?(bis|ter|[a-z])?,?\s(rue|avenue|boulevard|place|chemin|impasse|allée|quai|route)\s
    | (caddesi|sokak|cad\.|sok\.)\s(no:?\s?)?\d+
    | \b(p\.?\s?o\.?\s?box|postfach)\s\d+
    | [路街道巷弄]\d+[号號] | \d(丁目|番地) | [로길]\s\d+""",
    re.VERBOSE | re.IGNORECASE,
)
_TITLE = re.compile(
    r"\b(mr|mrs|ms|miss|master|dr|prof|herr|frau|mme|mlle|monsieur|madame|señora?|sra?|signora?"
    r"|sig|dhr|mevr|mevrouw|pan|pani)\b\.?\s+(?=[^\W\d_])",
    re.IGNORECASE,
)
_EAST_ASIAN = re.compile(r"[一-鿿]{2,4}|[一-鿿々]{1,3}[一-鿿ぁ-ヶー]{1,4}|[가-힣]{3}")
_NAME_PART = re.compile(r"[^\W\d_]+([-.'\u2019][^\W\d_]*)*")
_COMPANY = plain_words("gmbh ag kg inc llc ltd corp co company group sa sarl spa srl bv ab oy plc")
_PATRONYMIC = re.compile(r".(ович|евич|овна|евна|івна)$")
_LONGEST_NAME = 90
_MOST_NAME_PARTS = 5

_SAMPLE = 200
_MANY = 50
_MANY_SHARE = 0.3
_LEAST_GROUPS = 10
"""Fewer values than this are groups, even if they are called after people."""
_LONG_NUMBER = 1e6


def is_personal(name: str, values: pd.Series, distinct: int) -> bool:
    """Whether a column looks like personal data, by its name and values.

    Args:
        values: texts, numbers or datetimes, missing ones included.
        distinct: how many different ones there are.
    """
    parts = frozenset(plain(word) for word in words(name))
    called = not parts & _THINGS and _is_called_personal(parts, plain(name))
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return any(hint <= parts for hint in _BIRTH)
    many = distinct > _MANY or distinct > _MANY_SHARE * len(values)
    present = values.dropna()
    if pd.api.types.is_numeric_dtype(values.dtype):
        long_whole = bool(((present >= _LONG_NUMBER) & (present % 1 == 0)).all())
        return called and many and long_whole
    if called and many:
        return True
    if distinct < _LEAST_GROUPS:
        return False
    texts = [str(text).strip() for text in present.drop_duplicates().head(_SAMPLE)]
    if _share(texts, lambda text: _is_contact(text, version=bool(parts & _THINGS))) > 0.5:
        return True
    about_people = bool(parts & _MAYBE_PEOPLE)
    least = (0.15 if about_people else 0.3) if many else 0.6
    share_of_people = _share(texts, lambda text: _names_a_person(text, about_people))
    return not parts & _NAMED_THINGS and share_of_people >= least


def _is_called_personal(parts: frozenset[str], name: str) -> bool:
    return any(hint <= parts for hint in _PERSONAL) or any(p in name for p in _PERSONAL_PARTS)


def _share(texts: list[str], tells: Callable[[str], bool]) -> float:
    return sum(map(tells, texts)) / len(texts) if texts else 0.0


def _is_contact(text: str, version: bool) -> bool:
    """Whether a value says where somebody is reached; a version looks like an IP address."""
    patterns = (_EMAIL, _PHONE, _SOCIAL_SECURITY)
    if any(pattern.fullmatch(text) for pattern in patterns) or _ADDRESS.search(text):
        return True
    return _is_iban(text) or _is_card(text) or (not version and _is_ip_address(text))


def _is_iban(text: str) -> bool:
    """Its check digits are right, by ISO 13616."""
    compact = text.replace(" ", "").upper()
    if not _IBAN.fullmatch(compact):
        return False
    return int("".join(str(int(sign, 36)) for sign in compact[4:] + compact[:4])) % 97 == 1


def _is_card(text: str) -> bool:
    """Its check digit is right, by Luhn's rule."""
    if not _CARD.fullmatch(text):
        return False
    digits = [int(sign) for sign in reversed(text) if sign.isdecimal()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def _is_ip_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _names_a_person(text: str, about_people: bool) -> bool:
    """Whether a value is a name of a person; a surname alone is only where people are expected."""
    if len(text) > _LONGEST_NAME or any(sign.isdigit() for sign in text):
        return False
    if _TITLE.search(text):
        return True
    compact = "".join(text.split())
    if _EAST_ASIAN.fullmatch(compact):
        return compact.startswith(EAST_ASIAN_SURNAMES)
    last, comma, first = text.partition(",")
    parts = f"{first} {last}".split() if comma else text.split()
    if not 1 <= len(parts) <= _MOST_NAME_PARTS or not all(map(_NAME_PART.fullmatch, parts)):
        return False
    plain_parts = [plain(part) for part in parts]
    if _COMPANY & {part.rstrip(".") for part in plain_parts}:
        return False
    if plain_parts[0].split("-")[0] in FIRST_NAMES or any(map(_PATRONYMIC.search, plain_parts)):
        return True
    if plain_parts[0] in SURNAMES and plain_parts[-1] in FIRST_NAMES:
        return True
    return (about_people or len(plain_parts) > 1) and plain_parts[-1] in SURNAMES
