"""What the training tests share: a tiny random solver, and traces, labels and pits written by hand."""

from pathlib import Path

from reasoner.records import Maker, Pair, Pit, Probe, Problem, Step, Trace, Verdict, make_problem, make_trace

QUESTION = "Ana has 3 coins. Ben has 2 more coins than Ana. How many coins does Ben have?"
RIGHT = "Formalize: find Ben's coins\nSolve Parent: Ben's coins = 3 + 2 = 5\nSummarize: the answer is 5"
WRONG = "Formalize: find Ben's coins\nSolve Parent: Ben's coins = 3 + 2 = 6\nSummarize: the answer is 6"
MAKER = Maker("scripted", "tour", seed=0, temperature=0.7)


def problem(number: int = 2) -> Problem:
    """Ben has `number` more coins than Ana, who has 3."""
    return make_problem(QUESTION.replace("has 2 more", f"has {number} more"), str(3 + number), "built-in")


def trace(of: Problem, text: str, seed: int = 0, prompt: str | None = None, form: str = "transitions") -> Trace:
    """A trace of `text`, one step a line, its answer the last word of it."""
    answer = text.split()[-1].strip(".")
    verdict = Verdict("unjudged") if of.answer is None else Verdict("right" if answer == of.answer else "wrong", answer)
    maker = Maker("scripted", "tour", seed=seed, temperature=0.7)
    steps = [Step(line) for line in text.split("\n")]
    asked = of.question + "\n" if prompt is None else prompt
    return make_trace(
        of, prompt=asked, text=text, steps=steps, answer=answer, verdict=verdict, maker=maker, format=form
    )


def pit(of: Trace, step: int | None, before: dict[str, bool], k: int = 4, name: str = "pit") -> Pit:
    """A pit at `step` whose probe of the prefix before it drew the completions `before` (text → recovered)."""
    probes = () if step is None else (Probe(step - 1, tuple(before), tuple(before.values()), 9, "…"),)
    return Pit(name, of.id, of.problem_id, step, "linear", k, probes, MAKER, created=1.0)


def pairs(num: int = 6) -> list[Pair]:
    """Pairs as the built-in solver's traces give them, one a problem."""
    made = []
    for number in range(2, 2 + num):
        prompt = problem(number).question + "\nFormalize: find Ben's coins\n"
        chosen = f"Solve Parent: Ben's coins = 3 + {number} = {3 + number}\nSummarize: the answer is {3 + number}"
        rejected = f"Solve Parent: Ben's coins = 3 + {number} = {4 + number}\n"
        made.append(
            Pair(f"p{number}", problem(number).id, "t", 1, prompt, chosen, rejected, "person", "ada", "remainder")
        )
    return made


def tiny_solver(folder: Path) -> str:
    """A random Qwen3 of two thin layers with the solver's kind of tokenizer; returns its folder."""
    import json

    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    from training.vocabulary import build_tokenizer

    tokenizer = build_tokenizer([QUESTION, RIGHT, WRONG, "fewer cups - * / Decompose Verify Subquestion"], folder)
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        max_position_embeddings=256,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
    )
    Qwen3ForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    settings = json.loads((folder / "config.json").read_text())
    settings["first_pit"] = {"prompt": "plain", "format": "transitions"}
    (folder / "config.json").write_text(json.dumps(settings))
    return str(folder)
