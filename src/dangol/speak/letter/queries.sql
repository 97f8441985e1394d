-- Letters, their versions, and the pictures in them.

-- name: insert_letter
-- A new letter, before its first version.
insert into letter (id, name, version, created_at, created_by, changed_at)
values (%(id)s, %(name)s, 1, %(now)s, %(by)s, %(now)s)

-- name: insert_version
-- One version of a letter; versions are never changed.
insert into letter_version (letter_id, version, content, changed_at, changed_by)
values (%(id)s, %(version)s, %(content)s, %(now)s, %(by)s)

-- name: advance_letter
-- The next version, only where the caller has seen the last one.
update letter set name = %(name)s, version = version + 1, changed_at = %(now)s
where id = %(id)s and version = %(expected)s and archived_at is null

-- name: insert_own_letter
-- A letter of the program itself: archived from the start, so that no list shows it.
insert into letter (id, name, version, created_at, created_by, changed_at, archived_at)
values (%(id)s, %(name)s, 1, %(now)s, %(by)s, %(now)s, %(now)s)
on conflict (id) do nothing

-- name: advance_own_letter
-- The next version of a letter of the program itself.
update letter set version = version + 1, changed_at = %(now)s
where id = %(id)s and version = %(expected)s

-- name: archive_letter
-- Out of the list; sends that use it keep their version.
update letter set archived_at = %(now)s where id = %(id)s and archived_at is null

-- name: find_letter
-- One letter with its current content.
select l.id, l.name, l.version, v.content, l.changed_at, v.changed_by, l.archived_at
from letter l join letter_version v on v.letter_id = l.id and v.version = l.version
where l.id = %(id)s

-- name: list_letters
-- Every letter that is not archived, the last changed first.
select l.id, l.name, l.version, v.content, l.changed_at, v.changed_by, l.archived_at
from letter l join letter_version v on v.letter_id = l.id and v.version = l.version
where l.archived_at is null
order by l.changed_at desc, l.id

-- name: find_version
-- The content of one version.
select content from letter_version where letter_id = %(id)s and version = %(version)s

-- name: list_trait_names
-- The names of customer traits that have been heard of.
select distinct name from catalogue_property where owner = ''

-- name: find_reader
-- What a letter sees of one customer, merged or not.
select c.customer_id, p.address, c.traits, c.locale, c.country, s.stage
from customer c
left join contact_point p
    on p.bucket = c.bucket and p.customer_id = c.customer_id and p.channel = 'email'
left join stage s on s.bucket = c.bucket and s.customer_id = c.customer_id
where c.bucket = %(bucket)s and c.customer_id = %(customer_id)s and c.erased_at is null

-- name: insert_blob
-- A picture.
insert into blob (id, sha256, name, content_type, size, data, created_at, created_by)
values (%(id)s, %(sha256)s, %(name)s, %(content_type)s, %(size)s, %(data)s, %(now)s, %(by)s)

-- name: find_blob
-- A picture by its id.
select content_type, data from blob where id = %(id)s
