"""Rows of text become facts or refusals, set-based: one DuckDB query over the whole file.

In: rows as text and the options. Out: Arrow batches of facts in the columns that Route hears, and
refusals with line, value and reason. Every fact's key is made of its content and, among identical
rows, its ordinal; so a second run of the same file, or of a longer one, adds only what is new.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from dangol.listen.importing import spelling
from dangol.listen.importing.fields import Field, ImportOptions
from dangol.listen.importing.source import Row
from dangol.listen.naming import is_reserved
from dangol.model.address import normalise_email
from dangol.model.event import EventName
from dangol.model.zone import list_offsets

FACTS = pa.schema(
    [
        ("line", pa.int64()),
        ("key", pa.string()),
        ("user_id", pa.string()),
        ("email", pa.string()),
        ("name", pa.string()),
        ("time", pa.timestamp("us", "UTC")),
        ("utc_offset_min", pa.int16()),
        ("props", pa.string()),
    ]
)
"""The body of an `import` row of intake; key is 32 hex digits, props a JSON object."""

_CHUNK = 20_000
_EARLIEST = dt.datetime(1900, 1, 1, tzinfo=dt.UTC)


class Setting(NamedTuple):
    """What holds for a whole import besides its options."""

    zone: str
    """Of times without an offset, and of dates: their midnight."""
    currency: str
    source: str
    """`import:<id>`."""
    now: dt.datetime


class Refusal(NamedTuple):
    """One row that is not imported."""

    line: int
    reason: str
    detail: str
    value: str


class Shaper:
    """One file on its way through DuckDB: `load` its rows, `shape` them, then read the results."""

    def __init__(
        self, duck: duckdb.DuckDBPyConnection, options: ImportOptions, setting: Setting
    ) -> None:
        self._duck, self._options, self._setting = duck, options, setting
        self._columns = {field: f"c{place}" for place, field in enumerate(self._fields)}
        columns = "".join(f", c{place} varchar" for place in range(len(self._fields)))
        duck.execute(f"create table raw (line bigint{columns})")

    @property
    def _fields(self) -> list[str]:
        return list(self._options.mapping.values())

    def load(self, rows: Iterable[Row], columns: tuple[str, ...]) -> int:
        """Take up rows of a file with these `columns`; how many."""
        places = [columns.index(column) for column in self._options.mapping]
        loaded, chunk = 0, []
        for row in rows:
            chunk.append((row.line, *(row.values[place] for place in places)))
            if len(chunk) == _CHUNK:
                loaded += self._insert(chunk)
                chunk = []
        return loaded + self._insert(chunk)

    def shape(self) -> None:
        """Check and convert everything that was loaded."""
        self._make_zone()
        types = self._types()
        self._duck.execute(f"create table shaped as {self._shaping(types)}")
        self._duck.execute(
            "create table ordinal as select line, row_number() over "
            "(partition by hash order by line) as number from shaped semi join "
            "(select hash from shaped where reason is null group by hash having count(*) > 1) "
            "using (hash) where reason is null"
        )

    def refusals(self) -> Iterator[Refusal]:
        """The rows that cannot be imported, in order."""
        found = self._duck.execute(
            "select line, reason, detail, coalesce(value, '') from shaped "
            "where reason is not null order by line"
        )
        while rows := found.fetchmany(1_000):
            yield from (Refusal(*row) for row in rows)

    def facts(self, size: int) -> Iterator[pa.RecordBatch]:
        """The facts in the columns of `FACTS`, in batches of up to `size`."""
        for query in filter(None, (self._facts_query(), self._consents_query())):
            reader = self._duck.sql(query).to_arrow_reader(size)
            for batch in reader:
                yield _with_plain_domains(batch.cast(FACTS))

    # -- loading -----------------------------------------------------------------------------

    def _insert(self, chunk: list[tuple]) -> int:
        if chunk:
            kinds = [pa.int64()] + [pa.string()] * len(self._fields)
            arrays = [
                pa.array(values, kind)
                for values, kind in zip(zip(*chunk, strict=True), kinds, strict=True)
            ]
            names = ["line"] + [f"c{place}" for place in range(len(self._fields))]
            part = pa.table(arrays, names=names)
            self._duck.register("part", part)
            self._duck.execute("insert into raw select * from part")
            self._duck.unregister("part")
        return len(chunk)

    def _make_zone(self) -> None:
        """From which local time on which offset holds, to be joined."""
        offsets = list_offsets(self._setting.zone, _EARLIEST, self._setting.now)
        starts = [(at + dt.timedelta(seconds=east)).replace(tzinfo=None) for at, east in offsets]
        starts[0] = dt.datetime(1, 1, 1)
        zone = pa.table(
            {"starts": pa.array(starts, pa.timestamp("us")), "east": [e for _, e in offsets]}
        )
        self._duck.register("zone_rows", zone)
        self._duck.execute("create table zone as select * from zone_rows")
        self._duck.unregister("zone_rows")

    # -- the query ---------------------------------------------------------------------------

    def _types(self) -> dict[str, str]:
        """What each column that becomes a property holds throughout: number, boolean, json, text."""
        own = {
            field: column
            for field, column in self._columns.items()
            if field not in spelling.KNOWN and field not in spelling.ALWAYS_TEXT
        }
        if not own:
            return {}
        parts = [spelling.type_of(column) for column in own.values()]
        row = self._duck.execute(f"select {', '.join(parts)} from raw").fetchone()
        return dict(zip(own, row or (), strict=True))

    def _shaping(self, types: dict[str, str]) -> str:
        time = self._columns.get(Field.TIME)
        order = self._day_order(time) if time else "none"
        moment = spelling.moment(time, order) if time else _no_moment()
        read = f"""
            select line, {self._user()} as user_id, {self._email()} as email,
                {self._name()} as name, {moment} as moment, {self._amount()} as amount,
                {self._currency()} as currency, {self._consent()} as consent,
                {self._message()} as message_id, {self._raw(Field.TIME)} as raw_time,
                {self._raw(Field.EMAIL)} as raw_email, {self._raw(Field.REVENUE)} as raw_amount,
                {self._raw(Field.CONSENT)} as raw_consent,
                {self._bad_text()} as bad_text, {self._props(types)} as own_props
            from raw"""
        placed = f"""
            select r.*, {spelling.instant("r.moment", "z.east")} as moment_at,
                {spelling.offset_min("r.moment", "z.east")} as utc_offset_min
            from ({read}) r asof left join zone z on r.moment.local >= z.starts"""
        checked = f"select *, {self._verdict()} as verdict from ({placed})"
        return f"""
            select line, verdict.reason as reason, verdict.detail as detail,
                left(verdict.value, 4000) as value, user_id, email, name,
                coalesce(moment_at, {_instant(self._setting.now)}) as happened_at,
                utc_offset_min, consent,
                {self._whole_props()} as props,
                coalesce(md5('id' || chr(31) || name || chr(31) || message_id),
                    md5(concat_ws(chr(31), name, coalesce(user_id, ''), coalesce(email, ''),
                        coalesce(moment_at::varchar, ''), own_props, coalesce(amount, ''),
                        coalesce(currency, '')))) as hash
            from ({checked})"""

    def _day_order(self, column: str) -> str:
        row = self._duck.execute(f"select {spelling.day_order(column)} from raw").fetchone()
        return str(row[0]) if row else "none"

    def _verdict(self) -> str:
        """The first thing that is wrong with a row, or a null."""
        now = _instant(self._setting.now + dt.timedelta(days=1))
        is_event = self._options.kind == "events"
        rules = [
            ("bad_text", "bad_text", "It holds characters that could not be read or stored.", "''"),
            ("user_id is null and email is null and raw_email is not null", "bad_value",
             "That is no e-mail address.", "raw_email"),
            ("user_id is null and email is null", "no_identity", "It names nobody.", "''"),
            ("raw_email is not null and email is null", "bad_value", "That is no e-mail address.",
             "raw_email"),
            ("length(user_id) > 500", "too_large", "An id has at most 500 characters.", "user_id"),
            (f"{is_event} and name is null", "no_event_name", "It does not say what happened.", "''"),
            (f"lower(trim(name)) in ({_reserved_list()})" if is_event else "false", "reserved_name",
             "This name is for facts that the program itself states.", "name"),
            ("length(name) > 200", "too_large", "A name has at most 200 characters.", "name"),
            (f"{is_event} and raw_time is null", "missing_value", "It does not say when.", "''"),
            ("raw_time is not null and moment_at is null", "bad_time",
             "That is no day or time; write it as 2024-03-05 or 2024-03-05 14:30.", "raw_time"),
            (f"moment_at > {now}", "bad_time", "That lies in the future.", "raw_time"),
            (f"moment_at < {_instant(_EARLIEST)}", "bad_time", "That is before 1900.", "raw_time"),
            ("raw_amount is not null and amount is null", "bad_money",
             "That is no amount of money; write it as 12000 or 12,000.50.", "raw_amount"),
            ("amount is not null and not regexp_full_match(currency, '[A-Z]{3}')", "bad_money",
             "That is no currency; take the three letters, such as KRW or USD.", "currency"),
            ("raw_consent is not null and consent is null", "bad_value",
             "Say yes or no for consent.", "raw_consent"),
        ]  # fmt: skip
        cases = " ".join(
            f"when {test} then {{'reason': '{reason}', 'detail': {_text(detail)}, 'value': {value}}}"
            for test, reason, detail, value in rules
        )
        return f"case {cases} end"

    def _facts_query(self) -> str:
        return f"""
            select s.line, md5(s.hash || ':' || coalesce(o.number, 1)) as key, s.user_id, s.email,
                s.name, s.happened_at as time, s.utc_offset_min::smallint as utc_offset_min, s.props
            from shaped s left join ordinal o on o.line = s.line
            where s.reason is null and {_says_something(self._options)}"""

    def _consents_query(self) -> str | None:
        """`Consent Changed` per person: yes only on the stated basis, no always."""
        basis = self._options.consent
        has_column = Field.CONSENT in self._columns
        if self._options.kind != "customers" or (basis is None and not has_column):
            return None
        said_yes = "consent" if has_column else "true"
        given = dt.datetime.combine(basis.given_on, dt.time()) if basis else None
        offsets = list_offsets(self._setting.zone, _EARLIEST, self._setting.now)
        granted_at = _instant(_to_utc(given, offsets)) if given else "null"
        how = _text(basis.how) if basis else "null"
        given_on = _text(basis.given_on.isoformat()) if basis else "null"
        tests = [f"({said_yes})" if basis else "false", "not consent" if has_column else "false"]
        props = f"""json_object('channel', 'email', 'topic', '*', 'state', state,
            'source', 'import', 'actor', {_text(self._setting.source)}, 'evidence',
            json_object('how', {how}, 'given_on', {given_on}, 'line', line))::varchar"""
        return f"""
            select line, md5(concat_ws(chr(31), 'consent', coalesce(user_id, ''),
                    coalesce(email, ''), state, coalesce({how}, ''), coalesce({given_on}, ''))) as key,
                user_id, email, '{EventName.CONSENT_CHANGED}' as name,
                case when state = 'granted' then {granted_at} else {_instant(self._setting.now)} end
                    as time, null::smallint as utc_offset_min, {props} as props
            from (select *, case when {tests[1]} then 'withdrawn' else 'granted' end as state
                from shaped where reason is null and ({" or ".join(tests)}))"""

    # -- one column each ---------------------------------------------------------------------

    def _raw(self, field: str) -> str:
        column = self._columns.get(field)
        return f"nullif(trim({column}), '')" if column else "null::varchar"

    def _user(self) -> str:
        column = self._raw(Field.USER_ID)
        no_id = "'null', 'undefined', 'none', 'nan'"
        return f"case when lower({column}) not in ({no_id}) then {column} end"

    def _email(self) -> str:
        return spelling.email(self._raw(Field.EMAIL))

    def _name(self) -> str:
        if self._options.kind == "customers":
            return f"'{EventName.PROFILE_UPDATED}'"
        given = "null" if self._options.event_name is None else _text(self._options.event_name)
        return f"coalesce({self._raw(Field.EVENT)}, {given})"

    def _amount(self) -> str:
        return spelling.amount(self._raw(Field.REVENUE))

    def _currency(self) -> str:
        default = _text(self._options.currency or self._setting.currency)
        return f"coalesce(upper({self._raw(Field.CURRENCY)}), {default})"

    def _consent(self) -> str:
        return spelling.yes_or_no(self._raw(Field.CONSENT))

    def _message(self) -> str:
        return self._raw(Field.MESSAGE_ID)

    def _bad_text(self) -> str:
        all_text = f"concat_ws('', {', '.join(self._columns.values())})"
        return f"(contains({all_text}, chr(65533)) or contains({all_text}, chr(0)))"

    def _props(self, types: dict[str, str]) -> str:
        """The columns without a meaning of their own as the inside of a JSON object."""
        parts = [
            spelling.pair(field, self._columns[field], types.get(field, "text"))
            for field in self._columns
            if field not in spelling.KNOWN
        ]
        return f"concat_ws(',', {', '.join(parts)})" if parts else "''"

    def _whole_props(self) -> str:
        if self._options.kind == "customers":
            extra = "case when email is not null then '\"email\":' || to_json(email)::varchar end"
        else:
            extra = (
                'case when amount is not null then \'"revenue":\' || amount || \',"currency":"\' '
                "|| currency || '\"' end"
            )
        return f"'{{' || concat_ws(',', {extra}, nullif(own_props, '')) || '}}'"


def _says_something(options: ImportOptions) -> str:
    """A customer's row with nothing but an id still makes the customer known."""
    return "true" if options.kind == "customers" else "name is not null"


def _with_plain_domains(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Addresses of domains in other scripts as everybody else writes them (IDNA)."""
    emails = batch.column("email")
    if emails.null_count == len(emails) or pc.all(pc.string_is_ascii(emails)).as_py():
        return batch
    plain = pa.array(
        [value and normalise_email(value) for value in emails.to_pylist()], pa.string()
    )
    return batch.set_column(batch.schema.get_field_index("email"), "email", plain)


def _no_moment() -> str:
    return "{'local': null::timestamp, 'exact': null::timestamptz}"


def _reserved_list() -> str:
    return ", ".join(_text(name.lower()) for name in EventName if is_reserved(name))


def _instant(at: dt.datetime) -> str:
    return f"timestamptz '{at.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S.%f}+00'"


def _to_utc(local: dt.datetime, offsets: list[tuple[dt.datetime, int]]) -> dt.datetime:
    """The instant of a local time: the latest offset that had begun by then."""
    for at, east in reversed(offsets):
        instant = (local - dt.timedelta(seconds=east)).replace(tzinfo=dt.UTC)
        if instant >= at:
            return instant
    return local.replace(tzinfo=dt.UTC)


def _text(value: str) -> str:
    """A value as a literal; DuckDB's strings know no escapes but the doubled quote."""
    return "'" + value.replace("'", "''").replace("\0", "") + "'"
