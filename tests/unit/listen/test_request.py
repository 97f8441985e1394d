"""The look that a request gets before it is kept agrees with the reading that comes after."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dangol.errors import InputError
from dangol.listen.request import check_request, read_envelope

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
BODIES = st.one_of(
    st.binary(max_size=60),
    JSON.map(lambda value: json.dumps(value).encode()),
    st.fixed_dictionaries({}, optional={"batch": JSON, "writeKey": JSON, "sentAt": JSON}).map(
        lambda value: json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    ),
    st.sampled_from(
        [b'{"batch":[ ]}', b'{"batch":[NaN]}', b'\xef\xbb\xbf{"batch":[]}', b'{"batch":null}']
    ),
)


@given(BODIES, st.booleans())
def test_both_looks_agree(body: bytes, is_batch: bool) -> None:
    try:
        envelope = read_envelope(body, is_batch=is_batch)
    except InputError:
        with pytest.raises(InputError):
            check_request(body, is_batch=is_batch)
        return
    summary = check_request(body, is_batch=is_batch)
    assert summary.write_key == envelope.write_key
    assert summary.is_empty == (not envelope.batch)


def test_a_body_nested_without_end_is_refused() -> None:
    for body in (b'{"batch":' + b"[" * 100_000, b'{"a":' * 100_000, b"9" * 100_000):
        with pytest.raises(InputError):
            check_request(body, is_batch=True)
