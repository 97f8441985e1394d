-- Why: properties that conditions of segments name get columns of their own in the history's files,
-- also those that are heard for the first time after the segment was made; so what is in use follows
-- from the segments, and is not kept a second time.
-- Locks: writes to catalogue_property wait for an instant. Reversible: drop the view, add the column.

create view property_in_use as
with active as (
    select definition from segment where archived_at is null
), required as (
    select jsonb_path_query(definition, '$.**.where[*]') as item from active
    union all
    select jsonb_path_query(definition, '$.**.has[*]') from active
), asked as (
    select item -> 'name' as name, item ->> 'type' as type from required
    union all
    select m -> 'property', 'number'
    from active, jsonb_path_query(definition, '$.** ? (@.kind == "measure")') m
    union all
    select n, kind
    from active, jsonb_path_query(definition, '$.**.same[*]') n,
         unnest(array['text', 'number']) kind
    union all
    select coalesce(item -> key, to_jsonb(key)), case key when 'postcode' then 'text' else 'number' end
    from required, unnest(array['latitude', 'longitude', 'postcode']) key
    where item ? 'kind'
)
select distinct name #>> '{}' as name, type collate "C" as type
from asked
where jsonb_typeof(name) = 'string' and type is not null;

alter table catalogue_property drop column in_use;
