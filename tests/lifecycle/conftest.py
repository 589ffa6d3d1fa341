"""The life of the data is told with the same site that the abuse cases attack."""

from tests.abuse.conftest import clock, driver, make_site, site

__all__ = ["clock", "driver", "make_site", "site"]
