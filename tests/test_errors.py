"""How a command reports an error the user can mend."""

import pytest

from keras_mixattn.errors import InputError
from keras_mixattn.errors import exit_on_input_error


def raiser(error):
    @exit_on_input_error
    def main():
        raise error

    return main


@pytest.mark.parametrize(
    ("error", "code", "printed"),
    [
        (InputError("File 'a.tsv' is empty."), 2, "error: File 'a.tsv' is"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_user_errors_become_one_line_and_a_code(error, code, printed, capsys):
    with pytest.raises(SystemExit) as caught:
        raiser(error)()
    assert caught.value.code == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(printed)
    assert captured.err.count("\n") == 1


def test_a_fault_of_the_program_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        raiser(ZeroDivisionError())()


def test_arguments_and_result_pass_through():
    main = exit_on_input_error(lambda first, *, second: (first, second))
    assert main(3, second=5) == (3, 5)
