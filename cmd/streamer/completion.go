package main

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"tapedeck/cmd/flags"
)

// completions are the shells' scripts. They ask the program itself what can follow, so they do not grow old.
//
//go:embed completion
var completions embed.FS

var shells = []string{"bash", "zsh", "fish", "powershell"}

func completionCommand() *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "print a script that completes commands and flags",
		ArgsUsage: strings.Join(shells, "|"),
		Description: `Prints a script for a shell, which then completes the names of commands and flags.

Examples:

  # bash: for this session, or for all of them
  source <(streamer completion bash)
  streamer completion bash > ~/.local/share/bash-completion/completions/streamer
  # zsh
  source <(streamer completion zsh)
  # fish
  streamer completion fish > ~/.config/fish/completions/streamer.fish
  # PowerShell
  streamer completion powershell | Out-String | Invoke-Expression`,
		BashComplete: func(c *cli.Context) { fmt.Fprintln(c.App.Writer, strings.Join(shells, "\n")) },
		Action: func(c *cli.Context) error {
			shell := c.Args().First()
			if c.NArg() != 1 || !slices.Contains(shells, shell) {
				return flags.BadFlag("completion needs one of %s, not %q", strings.Join(shells, ", "), strings.Join(c.Args().Slice(), " "))
			}
			text, err := fs.ReadFile(completions, "completion/streamer."+shell)
			if err != nil {
				return err
			}
			_, err = c.App.Writer.Write(text)
			return err
		},
	}
}
