"""What every ring shares: how many cases hypothesis tries, and that a run under CI can be repeated exactly."""

import os

from hypothesis import HealthCheck, settings

# Time limits belong to pytest-timeout: a busy machine must not turn one slow example into a failure.
settings.register_profile(
    "ordinary", deadline=None, derandomize=bool(os.environ.get("CI")), suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "deep", deadline=None, max_examples=2000, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("deep" if os.environ.get("ZHANGGUI_DEEP") else "ordinary")

# Fixtures are found by their names: the hub's database on both engines, for whichever ring asks.
pytest_plugins = ("tests.kit.hub_databases",)
