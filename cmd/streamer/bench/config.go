package bench

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Config of a run.
type Config struct {
	Address     string   // of the stream: ws://host:8080/v1/stream
	Admin       string   // of /metrics, for the server's CPU and memory: http://127.0.0.1:9090; "": not asked
	Rooms       []string // names; connection i joins Per of them
	Per         int      // 0: all
	Intervals   []string // as in a subscribe; connections take turns
	Connections int
	Rate        int           // connections opened a second
	Settle      time.Duration // between the last join and the measuring
	Duration    time.Duration // of the measuring
	Content     int           // so many books of Rooms are kept by everybody who is in them, and compared
	Slow        int           // connections that stop reading
	SlowFor     time.Duration // for how long, from a third of the measuring on
	Storm       int           // connections more that join within StormFor, at a third of the measuring
	StormFor    time.Duration
	Compressed  bool      // offer permessage-deflate
	Resumes     int       // connections a second that are cut and come back where they were
	Progress    io.Writer // a line a second; nil: none
}

// Check says what is wrong with a configuration, by the flags' names.
func (c *Config) Check() error {
	switch {
	case len(c.Rooms) == 0:
		return errors.New("there are no rooms to join")
	case c.Connections < 1:
		return errors.New("--connections: at least 1")
	case c.Per < 0 || c.Per > len(c.Rooms):
		return fmt.Errorf("--per: from 1 to the %d rooms that there are", len(c.Rooms))
	case c.Slow < 0 || c.Slow >= c.Connections:
		return fmt.Errorf("--slow: fewer than the %d connections", c.Connections)
	case c.Resumes < 0:
		return errors.New("--resumes: 0 or more a second")
	case len(c.Intervals) == 0:
		return errors.New("--interval: at least one")
	case c.Rate < 1:
		return errors.New("--connect-rate: at least 1 a second")
	case c.Duration <= 0:
		return errors.New("--duration: over 0")
	case c.Slow > 0 && c.SlowFor >= c.Duration*2/3, c.Storm > 0 && c.StormFor >= c.Duration*2/3:
		return fmt.Errorf("--duration: %v is too short: what happens from a third of it on must end within it", c.Duration)
	}
	if c.Per == 0 {
		c.Per = len(c.Rooms)
	}
	return nil
}

// kept returns the books whose content is checked.
func (c *Config) kept() map[string]bool {
	kept := map[string]bool{}
	for _, name := range c.Rooms {
		if strings.HasPrefix(name, "book:") && len(kept) < c.Content {
			kept[name] = true
		}
	}
	return kept
}

// share returns the rooms of connection i: a stretch of the list, each connection's beginning at another
// place, so that all rooms have as many readers.
func (c *Config) share(i int) []string {
	rooms := make([]string, 0, c.Per)
	for k := range c.Per {
		rooms = append(rooms, c.Rooms[(i*c.Per+k)%len(c.Rooms)])
	}
	return rooms
}
