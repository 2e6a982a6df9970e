"""Verifies access tokens of Tandem. Needs: pip install 'pyjwt[crypto]>=2.15'

Usage: verify.py ISSUER AUDIENCE   Reads a token from each line, and prints `ok` with its account, or `refused` with the reason.
"""

import json
import sys
import urllib.request

import jwt

ISSUER, AUDIENCE = sys.argv[1:]

with urllib.request.urlopen(f"{ISSUER}/.well-known/oauth-authorization-server", timeout=5) as answer:
    metadata = json.load(answer)
if metadata["issuer"] != ISSUER:
    sys.exit(f"these are the metadata of {metadata['issuer']}")

# Kept for five minutes. An unknown key id fetches them again, but not more often than the cooldown: 30 s by default, in which the
# tokens of a new key would be refused.
keys = jwt.PyJWKClient(metadata["jwks_uri"], lifespan=300, cooldown_duration=1, timeout=5)


def verify(token: str) -> dict:
    # RFC 9068, section 4: another kind of JWT is not an access token.
    if str(jwt.get_unverified_header(token).get("typ")).lower() not in ("at+jwt", "application/at+jwt"):
        raise jwt.InvalidTokenError("not an access token")
    return jwt.decode(
        token,
        keys.get_signing_key_from_jwt(token),
        algorithms=["EdDSA"],
        issuer=ISSUER,
        audience=AUDIENCE,
        leeway=5,
        options={"require": ["iss", "aud", "sub", "exp", "iat", "scope"]},
    )


for line in sys.stdin:
    try:
        print("ok", verify(line.strip())["sub"], flush=True)
    except (jwt.PyJWTError, ValueError) as refused:
        # Quoted: parts of the token are in the text.
        print("refused", repr(refused), flush=True)
