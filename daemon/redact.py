"""What must never be shown: passwords in URLs, tokens, keys; masked in logs, faults and reports."""

import re

SECRET_WORDS = frozenset({"password", "key", "token", "secret", "passphrase"})

_MASK = "***"
_PATTERNS = (
    (re.compile(r"(://[^:/@\s]*):[^@/\s]+@"), rf"\1:{_MASK}@"),
    (re.compile(r"(?i)\b(bearer[ ,]+)[\w.~+/=-]+"), rf"\1{_MASK}"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), _MASK),  # any JWT begins like this
    (re.compile(r"(?i)\b((?:access_)?token|password|passwd|secret)(=)[^&\s\"']+"), rf"\1\2{_MASK}"),
)


def redact(text: str) -> str:
    """``text`` with every secret that can be recognised masked."""
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text
