-- What kind of file this is.
--
-- Invariant: reads only.

-- name: probe
-- application id, version of the layout, number of tables and the like.
SELECT (SELECT application_id FROM pragma_application_id), (SELECT user_version FROM pragma_user_version),
       (SELECT count(*) FROM sqlite_schema)
