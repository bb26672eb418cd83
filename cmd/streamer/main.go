// Command streamer turns raw market data in Kafka into live rooms for WebSocket clients.
package main

import (
	"os"

	"github.com/urfave/cli/v2"

	"tapedeck/cmd/flags"
)

// version is set by the linker: -X main.version=v1.2.3.
var version = "dev"

// commands are all that streamer can do, in the order of its help.
var commands = []func() *cli.Command{
	demoCommand,
	simulateCommand,
	serveCommand,
	checkCommand,
	tailCommand,
	explainCommand,
	decodeCommand,
	benchCommand,
	benchFeedCommand,
	healthCommand,
	completionCommand,
	referenceCommand,
	versionCommand,
}

func main() { os.Exit(flags.Main(newApp(), os.Args)) }

// newApp makes the program; a cli.App serves for one run.
func newApp() *cli.App {
	app := &cli.App{
		Name:    "streamer",
		Usage:   "live market data from Kafka to any number of WebSocket clients",
		Version: version,
	}
	for _, command := range commands {
		app.Commands = append(app.Commands, command())
	}
	return app
}
