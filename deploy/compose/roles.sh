#!/bin/sh
# The postgres image runs this once, when it creates the database: the roles of roles.sql get the passwords of the secrets.
set -eu
psql --username postgres --dbname tandem --set ON_ERROR_STOP=1 --quiet --file /etc/tandem/roles.sql
psql --username postgres --dbname tandem --set ON_ERROR_STOP=1 --quiet \
    --set migrate="$(cat /run/secrets/migrate-password)" \
    --set auth="$(cat /run/secrets/auth-password)" \
    --set task="$(cat /run/secrets/task-password)" <<'SQL'
alter role tandem_migrate password :'migrate';
alter role tandem_auth password :'auth';
alter role tandem_task password :'task';
SQL
