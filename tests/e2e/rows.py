"""Rows that several files of tests train models on."""

import json
import random

TOPICS = {
    "billing": "invoice refund charge payment card tax receipt price discount currency",
    "delivery": "parcel courier address tracking warehouse customs doorstep van depot label",
    "account": "password login profile email username avatar session token signup settings",
    "hardware": "screen battery keyboard charger speaker hinge fan port cable camera",
}
PLAIN = "yesterday the again please my since why never twice today before after morning still about really somehow"
#: What kind a shelf is follows from a word of the question; only the grader knows how.
KINDS = {"red": "metal", "green": "wood", "blue": "glass"}


def tickets(path, *, count=400, seed=1, shuffled=False):
    """Tickets of words of their topic and of none, with the topic as the answer; or with the answers of others."""
    rng = random.Random(seed)
    texts, labels = [], []
    for _ in range(count):
        label = rng.choice(list(TOPICS))
        words = rng.sample(TOPICS[label].split(), 4) + rng.choices(PLAIN.split(), k=8)
        rng.shuffle(words)
        texts.append(" ".join(words))
        labels.append(label)
    if shuffled:
        rng.shuffle(labels)
    rows = (
        {"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": label}]}
        for text, label in zip(texts, labels, strict=True)
    )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def shelf(number, chance):
    colour = chance.choice(list(KINDS))
    text = f"Is the {colour} shelf number {number} in hall {chance.randint(1, 9)} of metal, wood or glass?"
    return {"messages": [{"role": "user", "content": text}], "kind": KINDS[colour]}
