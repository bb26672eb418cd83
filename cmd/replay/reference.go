package main

import (
	_ "embed"
	"io"

	"github.com/urfave/cli/v2"

	"tapedeck/cmd/flags"
)

// introText is the beginning of docs/replay-cli.md.
//
//go:embed intro.md
var introText string

func referenceCommand() *cli.Command {
	return &cli.Command{
		Name:  "reference",
		Usage: "print all commands, flags, variables and defaults as Markdown",
		Action: func(c *cli.Context) error {
			if err := flags.NoArguments(c); err != nil {
				return err
			}
			_, err := io.WriteString(c.App.Writer, flags.Reference(c.App, introText))
			return err
		},
	}
}
