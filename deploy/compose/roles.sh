#!/bin/sh
# Run once by the postgres image when it makes the database: the roles of roles.sql, with the passwords of the secrets.
set -eu
psql --username postgres --dbname tandem --set ON_ERROR_STOP=1 \
    --set migrate_password="$(cat /run/secrets/migrate-password)" \
    --set auth_password="$(cat /run/secrets/auth-password)" \
    --set task_password="$(cat /run/secrets/task-password)" \
    --file /etc/tandem/roles.sql
