"""`stylezoo completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the script that completes stylezoo's commands, options and model names in SHELL.

    \b
    bash: stylezoo completion bash > ~/.local/share/bash-completion/completions/stylezoo
    zsh:  stylezoo completion zsh > a file that .zshrc sources
    fish: stylezoo completion fish > ~/.config/fish/completions/stylezoo.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None  # click knows the three shells of the choice
    click.echo(kind(ctx.find_root().command, {}, "stylezoo", "_STYLEZOO_COMPLETE").source())
