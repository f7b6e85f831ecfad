"""What an interpreter wrote is not preferred."""

from training.interpreter import before_output

BEGUN = "Ben's coins = Ana's coins + 26\n"
REST = "<code>\nBen_coins = 41 + 26\nBen_coins\n</code>\nOutput: 67\nFinal Answer: 67"


def test_chosen_ends_before_the_interpreters_first_word() -> None:
    assert before_output("text_code", BEGUN, REST) == ("<code>\nBen_coins = 41 + 26\nBen_coins\n</code>\n", False)


def test_where_no_code_is_run_the_text_stays_whole() -> None:
    assert before_output("text_code", BEGUN + REST.split("Final")[0], "Final Answer: 67") == ("Final Answer: 67", True)
    assert before_output("program", "", REST) == (REST, True)
    assert before_output("cot", "", "Output: 67") == ("Output: 67", True)


def test_where_the_interpreter_speaks_first_nothing_is_left() -> None:
    begun, rest = BEGUN + REST.split("Output")[0], "Output: 67\nFinal Answer: 67"
    assert before_output("text_code", begun, rest) == ("", False)
