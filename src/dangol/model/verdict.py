"""What the guard says about one message to one person at one instant."""

from datetime import datetime

import msgspec

from dangol.model.reason import Reason


class Allowed(msgspec.Struct, frozen=True, tag="allowed"):
    """It may go now."""


class Deferred(msgspec.Struct, frozen=True, tag="deferred"):
    """It may not go yet; ask again at `until`."""

    until: datetime
    reason: Reason


class Silent(msgspec.Struct, frozen=True, tag="silent"):
    """It will not go."""

    reason: Reason


Verdict = Allowed | Deferred | Silent
