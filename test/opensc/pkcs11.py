# A program that uses a card through a PKCS#11 module, as browsers and mail programs do: one session for many uses.
#
# argv: the module, a part of the slot's name. Commands come as JSON, one a line, and each is answered by one line:
#   {"do": "login", "pin": PIN}      {"do": "context", "pin": PIN}      {"do": "logout"}      {"do": "keys"}
#   {"do": "sign", "id": ID, "count": N, "pin": PIN to log in again with}
import hashlib
import json
import sys

import PyKCS11
from PyKCS11 import LowLevel as low

TRIES = 20  # for one signature, each after a login that another program's reset has ended

module, where = sys.argv[1:3]
library = PyKCS11.PyKCS11Lib()
library.load(module)


def name(error):
    """CKR_... of a PKCS#11 error."""
    return PyKCS11.CKR.get(error.value, hex(error.value)) if isinstance(error, PyKCS11.PyKCS11Error) else repr(error)


def session_of(part):
    for slot in library.getSlotList(tokenPresent=True):
        if part in library.getSlotInfo(slot).slotDescription:
            return library.openSession(slot, PyKCS11.CKF_SERIAL_SESSION | PyKCS11.CKF_RW_SESSION)
    raise SystemExit("no token in " + part)


session = session_of(where)


def private_key(key_id):
    """None where it is not shown: OpenSC hides private objects from who is not logged in."""
    found = session.findObjects([(PyKCS11.CKA_CLASS, PyKCS11.CKO_PRIVATE_KEY), (PyKCS11.CKA_ID, bytes([key_id]))])
    return found[0] if found else None


def login(command):
    session.login(command["pin"])


def login_again(command):
    try:
        session.logout()
    except PyKCS11.PyKCS11Error:
        pass  # it is told once that the login was lost, and is logged out by that
    login(command)


def sign(command):
    """Signs one message after the other. A login that was lost is made again, where there is a PIN to do it with."""
    signatures, errors = [], {}
    key = private_key(command["id"])
    mechanism = PyKCS11.Mechanism(PyKCS11.CKM_ECDSA)
    for number in range(command["count"]):
        digest = hashlib.sha256(b"message %d" % number).digest()
        signature = None
        for _ in range(TRIES):
            try:
                if key is None:
                    login_again(command)
                    key = private_key(command["id"])
                signature = bytes(session.sign(key, digest, mechanism)).hex()
                break
            except PyKCS11.PyKCS11Error as error:
                what = name(error)
                errors[what] = errors.get(what, 0) + 1
                if "pin" not in command or what != "CKR_USER_NOT_LOGGED_IN":
                    break
                key = None
        signatures.append(signature)
    return {"signatures": signatures, "errors": errors}


def keys(_):
    found = session.findObjects([(PyKCS11.CKA_CLASS, PyKCS11.CKO_PRIVATE_KEY)])
    wanted = [PyKCS11.CKA_ID, PyKCS11.CKA_ALWAYS_AUTHENTICATE]
    rows = [session.getAttributeValue(key, wanted) for key in found]
    return {"keys": [{"id": bytes(row[0]).hex(), "always": bool(row[1])} for row in rows]}


DO = {
    "login": login,
    "context": lambda command: session.login(command["pin"], user_type=low.CKU_CONTEXT_SPECIFIC),
    "logout": lambda _: session.logout(),
    "keys": keys,
    "sign": sign,
}

for line in sys.stdin:
    command = json.loads(line)
    try:
        answer = DO[command["do"]](command) or {}
    except PyKCS11.PyKCS11Error as error:
        answer = {"error": name(error)}
    print(json.dumps(answer), flush=True)
