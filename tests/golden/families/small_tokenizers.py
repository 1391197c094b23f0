"""Small tokenizers of the three kinds that the families use: CLIP's, T5's (unigrams) and Gemma's (BPE with bytes)."""

import json

import sentencepiece
from tokenizers.pre_tokenizers import Metaspace, Sequence, WhitespaceSplit
from transformers import CLIPTokenizer, GemmaTokenizerFast, T5TokenizerFast

WORDS = (
    "a photo of a golden retriever", "a church with two towers", "a parachute over the sea", "gas pump, red and white",
    "french horn on a table", "a small dog looks at the garbage truck", "cassette player from 1984", "english springer",
)

# Two rules of Unicode's compatibility forms, so that the file carries a normaliser's trie as the real one does.
RULES = "".join(f"{ord('Ａ') + n:X}\t{ord('A') + n:X}\n" for n in range(26)) + "FB01\t66 69\n3000\t20\n"


def clip(folder, pad=None):
    """Returns CLIP's kind of tokenizer with single letters and a few merges, and its vocabulary's size."""
    folder.mkdir(parents=True, exist_ok=True)
    letters = [chr(c) for c in range(ord("!"), ord("~") + 1)]
    merges = [("g", "o"), ("l", "d"), ("go", "ld"), ("e", "n</w>"), ("d", "o"), ("r", "e"), ("e", "r</w>")]
    words = letters + [letter + "</w>" for letter in letters] + ["".join(pair) for pair in merges]
    words += ["<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({word: number for number, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    files = str(folder / "vocab.json"), str(folder / "merges.txt")
    pad = {} if pad is None else {"pad_token": pad}
    return CLIPTokenizer(*files, model_max_length=77, **pad), len(words)


def train(folder, texts, **settings):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rules.tsv").write_text(RULES)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_prefix=str(folder / "trained"), hard_vocab_limit=False, num_threads=1,
        minloglevel=2, **settings,
    )
    return str(folder / "trained.model")


def t5(folder, old=False):
    """Returns T5's kind: unigrams, a space before every word, `</s>` at the end; `old` as files before 2024 say so."""
    model = train(
        folder, WORDS * 4, model_type="unigram", vocab_size=110, pad_id=0, eos_id=1, unk_id=2, bos_id=-1,
        normalization_rule_tsv=str(folder / "rules.tsv"),
    )
    tokens = T5TokenizerFast(vocab_file=model, extra_ids=4, model_max_length=512, add_prefix_space=True)
    if old:
        tokens.backend_tokenizer.normalizer = tokens.backend_tokenizer.normalizer[0]
        tokens.backend_tokenizer.pre_tokenizer = Sequence([WhitespaceSplit(), Metaspace()])
    return tokens, len(tokens)


def gemma(folder, instruction):
    """Returns Gemma's kind: BPE on letters, bytes for what it doesn't know, `<bos>` at the start."""
    model = train(
        folder, [*instruction, *WORDS], model_type="bpe", vocab_size=620, pad_id=0, eos_id=1, bos_id=2, unk_id=3,
        pad_piece="<pad>", eos_piece="<eos>", bos_piece="<bos>", unk_piece="<unk>", byte_fallback=True,
        normalization_rule_name="identity", add_dummy_prefix=False, remove_extra_whitespaces=False,
        user_defined_symbols=["<mask>", "<start_of_turn>", "<end_of_turn>", "\n", "\n\n", "▁▁"], split_digits=True,
    )
    tokens = GemmaTokenizerFast(vocab_file=model, add_bos_token=True)
    return tokens, len(tokens)
