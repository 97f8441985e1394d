"""What can be wrong with a condition: a code for programs, a path into the JSON, words for people."""

from enum import StrEnum

from dangol.errors import InputError


class ProblemCode(StrEnum):
    """The closed set of things that can be wrong with a condition."""

    INVALID_JSON = "invalid_json"
    BAD_SHAPE = "bad_shape"
    BAD_NAME = "bad_name"
    BAD_TEXT = "bad_text"
    BAD_VALUE = "bad_value"
    CROSSED = "crossed"
    """Two values contradict each other, such as a window that ends before it begins."""
    WRONG_TYPE = "wrong_type"
    TOO_DEEP = "too_deep"
    TOO_LARGE = "too_large"
    UNKNOWN_SEGMENT = "unknown_segment"
    CYCLE = "cycle"


class ConditionProblem(InputError):
    """The condition cannot be used; nothing was changed."""

    def __init__(
        self, code: ProblemCode, sentence: str, path: str = "$", /, **values: object
    ) -> None:
        super().__init__(sentence, **values)
        self.code = code
        self.path = path
