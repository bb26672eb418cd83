package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"

	"tapedeck/cmd/flags"
)

func versionCommand() *cli.Command {
	return &cli.Command{
		Name:  "version",
		Usage: "say which build this is",
		Action: func(c *cli.Context) error {
			if err := flags.NoArguments(c); err != nil {
				return err
			}
			_, err := fmt.Fprintln(c.App.Writer, build())
			return err
		},
	}
}

// build describes the program: its version, its commit, and what it was built with.
func build() string {
	text := "streamer " + version
	if info, ok := debug.ReadBuildInfo(); ok {
		set := map[string]string{}
		for _, s := range info.Settings {
			set[s.Key] = s.Value
		}
		if commit := set["vcs.revision"]; commit != "" {
			text += " commit " + commit[:min(12, len(commit))]
			if set["vcs.modified"] == "true" {
				text += " (changed)"
			}
		}
	}
	return text + " " + runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH
}
