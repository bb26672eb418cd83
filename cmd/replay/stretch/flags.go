package stretch

import (
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"tapedeck/cmd/flags"
)

// Flags say which stretch of an archive is read. FromFlags reads them.
func Flags() []cli.Flag {
	const category = "Stretch"
	return []cli.Flag{
		&cli.StringFlag{Name: "from", Category: category, Usage: "from this `TIME` on, by the logs' clocks, as in 2026-01-31T14:30:00Z or 2026-01-31; the first record unless given"},
		&cli.StringFlag{Name: "to", Category: category, Usage: "up to, not including, this `TIME`; the last record unless given"},
		&cli.StringSliceFlag{Name: "symbols", Category: category, Usage: "only records of these `VENUE:NAME`, as in BINANCE:BTC-USDT, and those that are of no one symbol"},
		&cli.StringSliceFlag{Name: "logs", Category: category, Usage: "only the logs of these `TOPIC`s"},
	}
}

// FromFlags returns what the flags say; its archive is still to be opened.
func FromFlags(c *cli.Context) (s Stretch, err error) {
	s = Stretch{Formats: flags.Formats(c), Symbols: flags.List(c, "symbols"), Topics: flags.List(c, "logs")}
	if s.From, err = moment(c, "from"); err != nil {
		return s, err
	}
	if s.To, err = moment(c, "to"); err != nil {
		return s, err
	}
	if s.To > 0 && s.To <= s.From {
		return s, flags.BadFlag("--to is not after --from")
	}
	for _, name := range s.Symbols {
		if !strings.Contains(name, ":") {
			return s, flags.BadFlag("--symbols: %q is not VENUE:NAME, as in BINANCE:BTC-USDT", name)
		}
	}
	return s, nil
}

// moment reads a time as µs; 0 where it is not given.
func moment(c *cli.Context, name string) (int64, error) {
	text := c.String(name)
	if text == "" {
		return 0, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UnixMicro(), nil
		}
	}
	return 0, flags.BadFlag("--%s: %q is not a time such as 2026-01-31T14:30:00Z, nor a day such as 2026-01-31", name, text)
}

// String says of which time it is.
func (s *Stretch) String() string {
	begin, end := "its beginning", "its end"
	if s.From > 0 {
		begin = time.UnixMicro(s.From).UTC().Format(time.RFC3339Nano)
	}
	if s.To > 0 {
		end = time.UnixMicro(s.To).UTC().Format(time.RFC3339Nano)
	}
	return fmt.Sprintf("the archive from %s to %s", begin, end)
}
