"""Counts the methods and the data members of each class in C++ code without comments and literals.

This is no parser: declarations are split at their ends and told apart by their form. Constructors, getters and inline
functions count as methods. Deleted and defaulted functions, static data, types and friends count as nothing. A nested
class counts for itself.
"""

import re
from typing import NamedTuple

_CLASS = re.compile(r"\b(enum\s+)?(?:class|struct)\s+(?:alignas\([^)]*\)\s*|\[\[\w+\]\]\s*)*"
                    r"(\w+)(?:<[^{;]*>)?(?:\s+final)?\s*(?::[^;{()]*)?\{")
_NOISE = re.compile(r"\b(?:public|private|protected)\s*:(?!:)|\[\[[^\]]*\]\]|\b(?:alignas|decltype|explicit)\s*\([^()]*\)")
_OPERATOR = re.compile(r"\boperator\s*(?:\(\s*\)|\[\s*\]|[^\s\w(]+|\w[\w:<>*& ]*)\s*\(")
_TYPE = re.compile(r"(?:using|typedef|friend|static_assert|enum)\b"
                   r"|(?:class|struct|union)\s*[\w:]*\s*(?:final\s*)?(?:(?::[^{]*)?\{\})?$")
_NOT_WRITTEN = re.compile(r"=\s*(?:delete|default)$")
_FUNCTION_POINTER = re.compile(r"[\w:\s*&]*\(\s*(?:\w+::)?\*")


class ClassSize(NamedTuple):
    name: str
    offset: int
    methods: int
    members: int


def class_sizes(code):
    code = re.sub(r"^[ \t]*#[^\n]*", lambda directive: " " * len(directive[0]), code, flags=re.MULTILINE)
    for match in _CLASS.finditer(code):
        if match[1]:
            continue
        counts = [_count(declaration) for declaration in _declarations(code, match.end())]
        yield ClassSize(match[2], match.start(), sum(methods for methods, _ in counts),
                        sum(members for _, members in counts))


def _declarations(code, begin):
    """The declarations of the class whose body begins there, without the content of inner braces."""
    braces, others, text = 0, 0, ""
    for i in range(begin, len(code)):
        sign = code[i]
        if sign == "}":
            braces -= 1
            if braces < 0:
                return
        if braces == 0:
            text += sign
            others += (sign in "([") - (sign in ")]")
        if sign == "{":
            braces += 1
        if braces == 0 and others == 0 and (sign == ";" or sign == "}" and _ends_behind(code, i)):
            yield text
            text = ""


def _ends_behind(code, brace):
    # Not after an initializer: of a member (";"), or of one of several before a constructor's body.
    return code[brace + 1:].lstrip()[:1] not in (";", ",", "{", "(")


def _without(pattern, text):
    """Removes the matches, from the inside to the outside."""
    while (shorter := re.sub(pattern, "", text)) != text:
        text = shorter
    return text


def _count(declaration):
    text = _OPERATOR.sub("op(", _NOISE.sub("", declaration))
    text = re.sub(r"^(?:\s*template\b)+", "", _without(r"<[^<>;]*>", text)).strip(" \t\n;")
    if not text or _TYPE.match(text) or _NOT_WRITTEN.search(text):
        return 0, 0
    declarator = re.split(r"[={]", text, maxsplit=1)[0]
    if re.search(r"\w\s*\(", declarator) and not _FUNCTION_POINTER.match(declarator):
        return 1, 0
    if re.search(r"\b(?:static|constexpr)\b", declarator):
        return 0, 0
    return 0, 1 + _without(r"\([^()]*\)|\{[^{}]*\}", text).count(",")
