"""How tables of words are written down."""


def words(text: str) -> tuple[str, ...]:
    """The words of a text, for tables that read better as prose than as quoted lists."""
    return tuple(text.split())
