"""How hypothesis works here: on a busy machine a slow example is no failure, and nothing is written."""

from hypothesis import settings

settings.register_profile("core", deadline=None, database=None)
settings.load_profile("core")
