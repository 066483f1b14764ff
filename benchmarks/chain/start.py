"""Makes the blank model: a byte-level BPE trained on the texts, a ChatML template and random weights."""

import argparse
from pathlib import Path

import torch
from settings import CONTEXT, rows
from tokenizers import AddedToken, ByteLevelBPETokenizer
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, set_seed

VOCABULARY = 1536
END, PAD, TURN, TURN_END = "<|endoftext|>", "<|pad|>", "<|im_start|>", "<|im_end|>"


def tokenizer() -> PreTrainedTokenizerFast:
    """Train the tokenizer; its four control tokens are distinct and come first."""
    trained = ByteLevelBPETokenizer()
    texts = [row["text"] for name in ("base", "cpt") for row in rows(f"{name}.jsonl")]
    trained.train_from_iterator(
        texts, vocab_size=VOCABULARY, special_tokens=[END, PAD, TURN, TURN_END], show_progress=False
    )
    fast = PreTrainedTokenizerFast(tokenizer_object=trained._tokenizer, eos_token=END, pad_token=PAD)
    fast.add_special_tokens({"additional_special_tokens": [AddedToken(TURN), AddedToken(TURN_END)]})
    fast.chat_template = (Path(__file__).parent / "chatml.jinja").read_text()
    fast.model_max_length = CONTEXT
    return fast


def model(fast: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """Draw the weights of a Llama of 1.2 million parameters."""
    config = LlamaConfig(
        vocab_size=len(fast),
        hidden_size=192,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=512,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=[fast.eos_token_id, fast.convert_tokens_to_ids(TURN_END)],
        pad_token_id=fast.pad_token_id,
        dtype=torch.float32,
    )
    return LlamaForCausalLM(config)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out")
    parser.add_argument("--seed", type=int, default=42)
    arguments = parser.parse_args()
    set_seed(arguments.seed)
    fast = tokenizer()
    assert len(fast) == VOCABULARY, len(fast)
    blank = model(fast)
    blank.save_pretrained(arguments.out)
    fast.save_pretrained(arguments.out)
    print(f"blank: {sum(p.numel() for p in blank.parameters()) / 1e6:.2f} million parameters")


if __name__ == "__main__":
    main()
