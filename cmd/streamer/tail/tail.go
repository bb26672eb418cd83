// Package tail is a client for terminals and pipes: it follows rooms, on whichever node answers, and prints
// what it is told. What it prints has been held against the protocol's rules.
package tail

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"time"

	"tapedeck/wire/mirror"
)

// Config of a tail.
type Config struct {
	Address  string   // of the stream: ws://127.0.0.1:8080/v1/stream
	Rooms    []string // names and patterns
	Interval string   // as in subscribe
	Last     int      // entries that a room begins with; 0: as many as the server thinks right

	JSON   bool // print the messages themselves, one a line
	Levels int  // shown of a book, a side

	Out    io.Writer
	Notes  io.Writer                     // for what is said about the connection
	Size   func() (w, h int)             // of the terminal that Out is; nil: it is none
	Colour bool                          // the terminal's lines may be coloured
	delay  func(n int) (_ time.Duration) // before try number n; nil: full jitter
}

// view shows messages.
type view interface {
	// message takes one that was folded into its room; r is nil where it is of none.
	message(m *mirror.Message, r *mirror.Room)
	// note takes a line about the connection.
	note(text string)
	// flush writes what has gathered. again is when it wants to be called though nothing came; 0: not.
	flush(now time.Time) (again time.Duration, err error)
	// end leaves the terminal as it should be.
	end() error
}

// Run follows the rooms until ctx ends or nobody reads Out any more; then it returns nil. An error says why
// it is of no use to go on.
func Run(ctx context.Context, c Config) error {
	var v view
	switch {
	case c.JSON:
		v = &raw{out: c.Out, notes: c.Notes}
	case c.Size != nil:
		v = &screen{out: c.Out, size: c.Size, lines: lines{colour: c.Colour}, levels: c.Levels}
	default:
		v = &plain{out: c.Out, notes: c.Notes}
	}
	f := newFollower(c, v)
	err := f.run(ctx)
	ended := v.end()
	if ctx.Err() != nil || gone(f.stop) || gone(ended) {
		return nil
	}
	return cmp.Or(err, ended)
}

// notef tells a view something about the connection.
func notef(v view, format string, args ...any) { v.note(fmt.Sprintf(format, args...)) }
