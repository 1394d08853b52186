"""Prose in another language than English: which sentences are, and what some of them say that rules forbid."""

from __future__ import annotations

import re

_ENGLISH = frozenset(
    "the a an of and or is are was were be been to in on for with by at from as it its this that these those not no"
    " has have"
    " had all each one two which than then when where after before per but so only will can may its their our we i you"
    " there here any both more most other same such".split()
)
_FOREIGN = frozenset(
    # German, French, Spanish, Italian, Dutch, Portuguese, Polish, Swedish: words that are no English ones
    "der das und ist sind wurde wurden wird werden nicht kein keine mit auf von zu den dem ein eine einen einer wir"
    " haben hat"
    " nach vor bei für auch nur sich als aus jeder jede jedes alle über durch im zum zur"
    " le les des du un une et est sont ont été nous avons avec sur pour dans que qui pas aux ses chaque par cette"
    " ces leur"
    " el los las del y es son fue fueron con para por una como más sin se lo nos hemos cada"
    " il gli di che sono stato stati con per nel della delle abbiamo ogni non"
    " het een van zijn werd werden niet met voor op wij hebben elke door"
    " os dos das foi foram não com para uma nós temos cada pelo pela"
    " jest są nie przez dla oraz każdy i och är var inte med för som vi har varje".split()
) - frozenset("was i on per as a do no con y hat sin son men os com es se lo di il non met van var el del".split())
_WORD = re.compile(r"[^\W\d_]+")
_OTHER_LETTERS = re.compile(r"[\u0370-\u1fff\u2e80-\ua4cf\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f]{3,}")
_ONLY = re.compile(r"\bn(?:e |['\u2019])\w+(?: \w+)? (?=que\b)", re.IGNORECASE)
"""In French "only", and no denial."""
_DENIED = re.compile(
    r"\b(?:nicht|kein\w*|nie|ohne|nichts|weder|ne|n|pas|aucun\w*|jamais|sans|rien|no|ning[uú]n\w*|nunca|sin|non"
    r"|nessun\w*|mai"
    r"|niet|geen|nooit|não|nenhum\w*|nunca|nie|żad\w+|inte|ingen|aldrig)\b|ない|なし|せず|ません|没有|沒有|未|不",
    re.IGNORECASE,
)
_RUNS = (
    r"(?:l[äa]uf\w*|durchl[äa]uf\w*|versuch\w*|ex[ée]cutions?|essais?|courses?|passes|ejecuci\w+|corridas?|prove"
    r"|esecuzion\w+"
    r"|execuç\w+|runs?|lanc\w+|実行|ラン|運行|运行)"
)
_LEFT = (
    r"(?:weg-?gelass\w+|ausgelass\w+|verworfen\w*|gestrich\w+|aussortiert\w*|entfernt\w*|gel[öo]scht\w*|unterschlag\w+"
    r"|[ée]cart[ée]\w*|omis\w*|supprim[ée]\w*|retir[ée]\w*|laiss[ée]\w* de c[ôo]t[ée]|jet[ée]\w*|descart\w+"
    r"|omiti\w+|elimin\w+"
    r"|exclui\w+|excluíd\w+|scartat\w+|escluse?i?|weggelaten|除外|除い|捨て|外し|省い|削除|剔除|去掉)"
)
DEPARTURES = tuple(
    (rule, what, re.compile(says, re.IGNORECASE))
    for rule, what, says in (
        ("R4.12", "runs were left out", rf"{_RUNS}.{{0,60}}{_LEFT}|{_LEFT}.{{0,60}}{_RUNS}"),
        (
            "R4.5",
            "the runs were chosen from more",
            rf"\b(?:best|schnellst|g[üu]nstigst)\w*\b.{{0,20}}\b(?:aus|von|unter)\b.{{0,20}}{_RUNS}"
            rf"|\b(?:meilleur\w*|plus rapides?)"
            rf"\b.{{0,20}}\b(?:parmi|de|sur|d')\b.{{0,20}}{_RUNS}|\bmejor\w*\b.{{0,20}}\bde\b.{{0,20}}{_RUNS}"
            r"|\b(?:nur|allein|blo[ßs]) die (?:besten|schnellsten|g[üu]nstigsten)\b|\bque les .{0,30}\b(?:meilleur"
            r"|rapide)\w*"
            r"|\bsolo (?:las|los|le|i) .{0,30}\b(?:mejor|r[áa]pid|miglior|veloc)\w*"
            r"|最(?:も)?(?:速|良|高|快|好).{0,20}(?:選|选|だけ|のみ)",
        ),
        (
            "R2.4",
            "the network did not start from nothing",
            r"\bvor-?trainiert\w*|\bpr[ée]-?entra[îi]n[ée]\w*|\bpre-?entrenad\w+|\bpre-?addestrat\w+|\bvoorgetraind\w*"
            r"|事前学習|预训练|預訓練|学習済み",
        ),
        (
            "R2.4",
            "other data were trained on",
            r"\b(?:trainier\w*|gelernt|entra[îi]n\w+|entren\w+|addestr\w+)\b.{0,40}`?\b(?:dev|test|validation"
            r"|validierung\w*)\b"
            r"|(?:dev|test|検証|テスト|验证|测试).{0,20}(?:学習に(?:使|加)|训练(?:中|集)?(?:使用|加入)|も学習)",
        ),
        (
            "R4.17",
            "something was chosen by the test split",
            r"\b(?:gew[äa]hlt|ausgew[äa]hlt|ausgesucht|bestimmt|choisi\w*|s[ée]lectionn\w+|elegid\w+"
            r"|scelt\w+)\b.{0,50}\btest\b"
            r"|\b(?:an|nach|auf|anhand|d'apr[èe]s|sur|seg[úu]n)\b.{0,20}\btest\w*\b.{0,50}\b(?:gew[äa]hlt|ausgew[äa]hlt"
            r"|ausgesucht|bestimmt|choisi\w*|s[ée]lectionn\w+|elegid\w+)\b",
        ),
        (
            "R4.1",
            "not every epoch was evaluated",
            r"\b(?:jede[rn]?|jedes) (?:zweite|dritte|vierte)\w*\b.{0,15}\bepoche|\btoutes les (?:deux|trois"
            r"|quatre) [ée]poques"
            r"|\bcada (?:dos|tres|cuatro) [ée]pocas|エポックおき|[2-9]エポックごと|每(?:两|兩|三|隔)",
        ),
        (
            "R3.5",
            "the clock did not run on",
            r"\b(?:uhr\w*|horloge|reloj|orologio)\b.{0,40}\b(?:zur[üu]ckgestellt|angehalten|gestoppt|pausiert"
            r"|verstellt|recul[ée]\w*"
            r"|arr[êe]t[ée]\w*|atrasad\w*|detenid\w*|parad\w*)",
        ),
    )
)
"""Rule, what is said, and the words, in languages that submitters have."""


def is_foreign(sentence: str) -> bool:
    """Whether a sentence of three words or more is in another language than English, by its commonest words."""
    if _OTHER_LETTERS.search(sentence):
        return True
    words = [word.lower() for word in _WORD.findall(re.sub(r"`[^`]*`", " ", sentence))]
    foreign = sum(word in _FOREIGN and word not in _ENGLISH for word in words)
    english = sum(word in _ENGLISH for word in words)
    accented = sum(not word.isascii() for word in words)
    return len(words) >= 3 and (foreign > english or (not english and accented > 0 and len(words) >= 4))


def departure(sentence: str) -> tuple[str, str] | None:
    """The rule that a sentence in another language departs from, and how; None where it denies it or says no such."""
    if _DENIED.search(_ONLY.sub(" ", sentence)):
        return None
    return next(((rule, what) for rule, what, says in DEPARTURES if says.search(sentence)), None)
