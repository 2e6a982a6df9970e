-- What a user stores is bounded, not only the live tasks: the deleted tasks that are not purged yet and the requests that are
-- remembered count too.

-- All tasks of this user, deleted ones included. Null until the next task is created, which counts them; the release before
-- this one does not keep the number, and every purge of the user counts again.
alter table tasks.owner add column stored_count integer;
-- The requests of this user that are remembered; otherwise the same.
alter table tasks.owner add column request_count integer;
