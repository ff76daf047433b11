"""What holds for every tier: property tests tell the same stories in CI, and no clock judges them."""

import os

from hypothesis import settings

settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
# `hack/test quick` looks at fewer examples of each property; the whole run at all of them.
settings.register_profile("quick", deadline=None, max_examples=20)
settings.load_profile(
    os.environ.get("SUREFOOT_EXAMPLES") or ("ci" if os.environ.get("CI") else "here")
)
