// Command replay publishes recorded market data again.
package main

import (
	"os"

	"github.com/urfave/cli/v2"

	"tapedeck/cmd/flags"
	"tapedeck/cmd/replay/publish"
)

// version is set by the linker: -X main.version=v1.2.3.
var version = "dev"

func main() { os.Exit(flags.Main(newApp(), os.Args)) }

// newApp makes the program; a cli.App serves for one run.
func newApp() *cli.App {
	return &cli.App{
		Name:     "replay",
		Usage:    "recorded market data, once more",
		Version:  version,
		Commands: []*cli.Command{publish.Command()},
	}
}
