"""What the names and words of a table usually mean."""

from tagship.data.text_normalization import plain, plain_words, word_set, words

NULL_WORDS = word_set(
    "? - -- . .. na n/a #n/a n.a. nan #nan -nan null (null) none nil <na> \\n missing unknown"
    " undefined not_available"
) | {"not available", "no data"}
"""Texts, in lower case, that among numbers mean a missing value."""

ALWAYS_NULL = frozenset({"?", "#n/a", "<na>", "(null)", "\\n", "n/a", "n.a."})
"""Those that mean it in any column."""

_POSITIVE = plain_words(
    """yes y true positive pos churn churned fraud fraudulent default defaulted malignant sick ill
    disease diseased spam success bought died dead failure failed won accepted approved left
    ja jawohl wahr positiv betrug betrügerisch gekündigt kündigung abgewandert ausfall krank
    bösartig defekt gekauft verstorben
    oui vrai positif fraude frauduleux défaut résilié malade malin acheté décédé
    sí verdadero positivo fraudulento impago moroso enfermo maligno comprado
    sim verdadeiro inadimplente cancelado doente sì vero frode malato insolvente waar positief
    opgezegd ziek sant bedrägeri svindel sann kyllä tosi petos jah igen igaz csalás tak prawda
    oszustwo áno ano pravda podvod da adevărat fraudă istina prevara evet doğru dolandiricilik
    да истина мошенничество отток так ναι αληθές نعم כן हाँ ya benar ใช่
    是 真 有 欺诈 流失 违约 阳性 はい 真 陽性 解約 不正 有り あり 예 네 참 양성 사기 이탈"""  # noqa: RUF001
)
_NEGATIVE = plain_words(
    """no n false negative neg none benign healthy normal ham stayed retained legit legitimate
    genuine ok alive survived
    nein falsch negativ gesund gutartig keine kein non faux négatif sain bénin falso negativo sano
    benigno não nao saudável nee onwaar negatief gezond nej nei nein falskt usant frisk ei epätosi
    terve nem hamis egészséges nie fałsz zdrowy ne nepravda zdravý nu fals sănătos hayir yanliş
    нет ложь здоров ні όχι ψευδές لا לא नहीं không tidak salah ไม่ใช่
    否 假 无 無 正常 阴性 いいえ 偽 陰性 無し なし 正常 아니요 아니오 거짓 음성 정상"""
)
_LETTERS = plain_words("yn jn on sn tn tf vf wf dn дн pn +-")
"""Pairs of single signs, the positive one first."""
_NEGATORS = plain_words(
    """no not non never without kein keine nicht ohne pas aucun aucune sans sin senza não sem
    geen niet ikke ingen inte ei bez nie нет не без 不 非 无 無 未"""
)
_SENSITIVE = word_set(
    "gender sex race ethnicity ethnic religion nationality disability disabled orientation"
)


def names_a_row(name: str) -> bool:
    """Whether a column's name says that it names rows."""
    return bool({"id", "uuid", "guid", "identifier", "index", "rowid", "key"} & set(words(name)))


def tells_time(name: str) -> bool:
    """Whether a column's name says that it holds dates or times."""
    time_words = word_set(
        "date time datetime timestamp ts day created updated at epoch when on dt ymd"
    )
    return bool(time_words & set(words(name)))


def is_sensitive(name: str) -> bool:
    """Whether a column's name says that it groups people in a way that fairness is about."""
    return bool(_SENSITIVE & set(words(name)))


def positive_label(labels: dict[str, int]) -> tuple[str, str]:
    """Which of two labels is the positive one, and why; ``labels`` counts each."""
    positives = [label for label in labels if plain(label) in _POSITIVE]
    if len(positives) == 1:
        return positives[0], "the word says so"
    for label in labels:
        if any(plain(label) + plain(other) in _LETTERS for other in labels):
            return label, "the letter says so" if label.isalpha() else "the sign says so"
    for label in labels:
        if any(_negates(other, label) for other in labels):
            return label, "the other label says that it is not so"
    candidates = [label for label in labels if plain(label) not in _NEGATIVE]
    if len(candidates) == 1:
        return candidates[0], "the other label is a negative word"
    numbers = {_number(label): label for label in labels}
    if set(numbers) in ({0.0, 1.0}, {-1.0, 1.0}):
        return numbers[1.0], "1 is positive by custom"
    rarer = min(labels, key=lambda label: (labels[label], label))
    return rarer, "the rarer label"


def _negates(text: str, other: str) -> bool:
    """Whether ``text`` is ``other`` with a word such as *not* before it."""
    joined, opposite = ("".join(words(plain(label))) for label in (text, other))
    return bool(opposite) and any(joined == negator + opposite for negator in _NEGATORS)


def _number(label: str) -> float | None:
    try:
        return float(label)
    except ValueError:
        return None
