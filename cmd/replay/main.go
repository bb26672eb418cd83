// Command replay brings recorded market data back.
package main

import (
	"os"

	"github.com/urfave/cli/v2"

	"tapedeck/cmd/flags"
	"tapedeck/cmd/replay/export"
	"tapedeck/cmd/replay/gaps"
	"tapedeck/cmd/replay/imports"
	"tapedeck/cmd/replay/ls"
	"tapedeck/cmd/replay/migrate"
	"tapedeck/cmd/replay/publish"
	"tapedeck/cmd/replay/record"
	"tapedeck/cmd/replay/serve"
)

// version is set by the linker: -X main.version=v1.2.3.
var version = "dev"

// commands are all that replay can do, in the order of its help.
var commands = []func() *cli.Command{
	serve.Demo,
	serve.Command,
	imports.Command,
	export.Command,
	publish.Command,
	migrate.Command,
	record.Command,
	ls.Command,
	gaps.Command,
	referenceCommand,
}

func main() { os.Exit(flags.Main(newApp(), os.Args)) }

// newApp makes the program; a cli.App serves for one run.
func newApp() *cli.App {
	app := &cli.App{
		Name:    "replay",
		Usage:   "recorded market data, once more",
		Version: version,
	}
	for _, make := range commands {
		app.Commands = append(app.Commands, make())
	}
	return app
}
