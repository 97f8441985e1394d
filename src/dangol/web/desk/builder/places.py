"""Where somebody or something is, as fields: an area of one's own, or that of a moment.

The same for customers, whose traits tell the position, and for events, whose properties do.
"""

from dangol.model.area import REGIONS
from dangol.web.desk.builder.clauses import Circle, Corners, OneOf
from dangol.web.desk.builder.fields import Field, Lines, Many, Named, Pick, Text


def area(event: str = "") -> tuple[Field, ...]:
    """A circle, regions, postcodes or corners; `event` names the form's field with the event."""
    position, postcode = _told_by(event)
    shape = OneOf(
        key="shape",
        label="shape",
        words="build.shape_",
        is_shape=True,
        ways={
            "circle": (Circle(key="circle", label="circle"), *position),
            "regions": (Many(key="regions", label="regions", options=REGIONS), *postcode),
            "postcodes": (Lines(key="postcodes", label="postcodes"), *postcode),
            "polygon": (Corners(key="polygon", label="polygon"), *position),
        },
    )
    return (shape,)


def moment(event: str = "") -> tuple[Field, ...]:
    """Any moment that is on, one of them, or all of a kind."""
    position, postcode = _told_by(event)
    which = OneOf(
        key="which",
        label="moment",
        words="build.moment_",
        is_shape=True,
        ways={
            "any": (),
            "one": (Pick(key="id", label="moment_one", offer="moments"),),
            "kind": (Text(key="kind_of", label="moment_kind", offer="moment_kinds"),),
        },
    )
    return (which, *position, *postcode)


def _told_by(event: str) -> tuple[tuple[Field, ...], tuple[Field, ...]]:
    """The names that tell the position and the postcode, where they are not the usual ones."""
    latitude, longitude, postcode = (
        Named(key=key, label=key, event=event, is_free=True, is_more=True)
        for key in ("latitude", "longitude", "postcode")
    )
    return (latitude, longitude), (postcode,)
