"""The outside world of the shop: who charges cards, and who delivers mail.

Here both are files, so that the shop can be tried out without an account anywhere. The payment
provider honours keys, as real ones do: asked again under the same key, it gives the same receipt.
"""

import fcntl
import json
import os
from pathlib import Path

from compiler import outside

__all__ = ["Declined", "charge", "send_mail"]

FOLDER = "SHOP_WORLD"
"""The environment variable that names the folder of the files; without it, where we are."""


class Declined(Exception):
    """The card is not good for it: to ask again is of no use."""


@outside(attempts=4, timeout="5s", backoff="200ms", give_up_on=Declined)
def charge(card: str, cents: int, order: str) -> str:
    """Charge a card: the receipt."""
    if card == "stolen":
        raise Declined(card)
    with (_folder() / "payments.jsonl").open("a+", encoding="utf-8") as log:
        fcntl.flock(log, fcntl.LOCK_EX)
        log.seek(0)
        payments = [json.loads(line) for line in log]
        for payment in payments:
            if payment["key"] == outside.key():
                return str(payment["receipt"])
        receipt = f"{order}: {cents}"
        made = {"key": outside.key(), "receipt": receipt, "cents": cents, "order": order}
        print(json.dumps(made), file=log, flush=True)
    return receipt


@outside(attempts=4, timeout="5s", backoff="200ms")
async def send_mail(to: str, subject: str) -> None:
    """Send a mail: what was sent may be sent again, which its reader can bear."""
    with (_folder() / "mails.jsonl").open("a", encoding="utf-8") as log:
        print(json.dumps({"to": to, "subject": subject}), file=log)


def _folder() -> Path:
    return Path(os.environ.get(FOLDER, "."))
