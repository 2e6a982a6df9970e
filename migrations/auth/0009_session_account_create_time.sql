-- no-transaction
-- The newest sessions of an account, without reading the others. Neither column changes with a refresh.
create index concurrently if not exists session_account_id_create_time_idx on auth.session (account_id, create_time);
