"""A dataset that is easy to make and to check: what is the code of which box."""

import json


def boxes(count, code=lambda number: number * 7):
    """Rows about so many boxes, as JSON Lines; `code` gives a box's code."""
    return b"".join(
        json.dumps(
            {
                "messages": [
                    {"role": "user", "content": f"What is the code of box {number}?"},
                    {"role": "assistant", "content": f"The code of box {number} is {code(number)}."},
                ]
            }
        ).encode()
        + b"\n"
        for number in range(count)
    )
