"""``ps.analyze`` and ``ps.detect``: the whole analysis as a function of one image."""
