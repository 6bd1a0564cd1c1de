from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("shell", "marker"), [("bash", "complete -o nosort"), ("zsh", "#compdef"), ("fish", "--command")]
)
def test_script_is_for_the_shell(run, shell, marker):
    result = run("completion", shell)
    assert result.exit_code == 0
    assert marker in result.stdout
    assert "_STYLEZOO_COMPLETE" in result.stdout


def test_unknown_shell_is_refused(refused):
    assert "'bash', 'zsh', 'fish'" in refused("completion", "tcsh")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("stylezoo styl", ["styles", "stylize"]),
        ("stylezoo info j", ["johnson/mosaic"]),
        ("stylezoo stylize --model c", ["cin/four"]),
        ("stylezoo stylize --preserve-color s", ["stats"]),
    ],
)
def test_commands_models_and_choices_are_completed(run, zoo, words, expected):
    env = {"_STYLEZOO_COMPLETE": "zsh_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    lines = run(env=env).stdout.splitlines()
    assert lines[1::3] == expected  # zsh is told of type, word and help in turn
