"""Creates the tables and prints a token of each user: prepare.py USERS. The users are user-0, user-1, ..."""

import sys
import time

from jose import jwt

from auth import ALGORITHM, SECRET
from main import create_tables

create_tables()
expires = int(time.time()) + 3600
for number in range(int(sys.argv[1])):
    print(jwt.encode({"sub": f"user-{number}", "exp": expires}, SECRET, algorithm=ALGORITHM))
