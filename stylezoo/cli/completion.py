"""`stylezoo completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print a script for SHELL that completes commands, options and model names.

    \b
    bash: stylezoo completion bash > ~/.local/share/bash-completion/completions/stylezoo
    zsh:  stylezoo completion zsh > ~/.stylezoo-complete.zsh, and source it in ~/.zshrc
    fish: stylezoo completion fish > ~/.config/fish/completions/stylezoo.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None  # click supports these three shells
    click.echo(kind(ctx.find_root().command, {}, "stylezoo", "_STYLEZOO_COMPLETE").source())
