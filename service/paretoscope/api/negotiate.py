"""Which of the offered media types the Accept header wants (RFC 9110, 12.5.1)."""

from __future__ import annotations

from collections.abc import Sequence

from paretoscope.errors import ParetoscopeError


class NotAcceptable(ParetoscopeError):
    status = 406
    default_code = "not-acceptable"


def _ranges(accept: str) -> list[tuple[str, float]]:
    found = []
    for part in accept.split(","):
        media, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() == "q":
                try:
                    quality = min(1.0, max(0.0, float(value)))
                except ValueError:
                    quality = 0.0
        if media:
            found.append((media, quality))
    return found


def _fit(media: str, wanted: list[tuple[str, float]]) -> tuple[float, int]:
    """(quality, how exact the range is) of the most exact range that takes `media`."""
    family = media.split("/")[0] + "/*"
    best = (0.0, -1)
    for pattern, quality in wanted:
        exact = {media: 2, family: 1, "*/*": 0}.get(pattern, -1)
        if exact > best[1]:
            best = (quality, exact)
    return best


def choose_media(accept: str | None, offered: Sequence[str]) -> str:
    """The offered type with the highest quality; the first one where several tie or nothing is asked.

    Raises NotAcceptable with the list of what there is.
    """
    if not accept or not accept.strip():
        return offered[0]
    wanted = _ranges(accept)
    best = max(offered, key=lambda media: (_fit(media, wanted)[0], -offered.index(media)))
    if _fit(best, wanted)[0] <= 0.0:
        raise NotAcceptable(hint=f"This comes as {', '.join(offered)}; Accept asks for {accept[:200]!r}.")
    return best
