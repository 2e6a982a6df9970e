-- How long tokens live is a setting, and settings change: a revocation must outlive every token that it revokes, however long
-- the setting was when the token was signed.

-- The longest life, in seconds, of the tokens that the key has signed or will sign. Null: made by a version that did not
-- record it, so any life that the setting allows.
alter table auth.signing_key add column token_ttl integer;
