package flags

import (
	"time"

	"github.com/urfave/cli/v2"

	"tapedeck/server"
)

// Replay are the flags that limit replays. ReplayLimits reads them.
func Replay() []cli.Flag {
	const category = "Replays"
	d := server.Config{}.WithDefaults()
	return []cli.Flag{
		&cli.IntFlag{Name: "replay-sessions", Category: category, Value: d.ReplaySessions, Usage: "play `N` replays at the same time"},
		&cli.DurationFlag{Name: "replay-warmup", Category: category, Value: d.ReplayWarmup, Usage: "where there is no checkpoint, read from this `TIME` before what is shown, so that books and candles are whole"},
	}
}

// ReplayLimits returns what the flags of Replay say.
func ReplayLimits(c *cli.Context) (sessions int, warmup time.Duration, err error) {
	sessions, warmup = c.Int("replay-sessions"), c.Duration("replay-warmup")
	if sessions < 1 || warmup < time.Millisecond {
		return 0, 0, BadFlag("--replay-sessions and --replay-warmup are over 0")
	}
	return sessions, warmup, nil
}
