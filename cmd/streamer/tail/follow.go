package tail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"time"

	"tapedeck/wire/mirror"
)

// follower keeps a connection to its rooms, and continues them on the next one where the last one ended.
type follower struct {
	Config
	view   view
	mirror *mirror.Mirror

	heartbeat time.Duration
	tries     int             // connections in a row that did not live to a heartbeat
	met       bool            // a server has answered once
	later     bool            // the server asks to come again, later than at once
	bye       *mirror.Message // its last words
	stop      error           // why there is nothing more to follow, or nobody to follow for
}

func newFollower(c Config, v view) *follower {
	f := &follower{Config: c, view: v, mirror: mirror.New(), heartbeat: 10 * time.Second}
	if f.delay == nil {
		f.delay = jitter
	}
	f.mirror.Message = f.take
	return f
}

// jitter is anything up to a bound that doubles, so that the clients of a node that went away do not come
// back all at once.
func jitter(n int) time.Duration {
	const first, longest = 500 * time.Millisecond, 30 * time.Second
	return rand.N(min(longest, first<<min(n, 10)))
}

// run connects, follows, and connects again.
func (f *follower) run(ctx context.Context) error {
	for {
		err := f.once(ctx)
		if ctx.Err() != nil || f.stop != nil {
			return f.stop
		}
		wait, err := f.pause(err)
		if err != nil {
			return err
		}
		if f.flush(); f.stop != nil {
			return f.stop
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// pause says how long to wait after a connection ended with err; or that to connect again is of no use.
func (f *follower) pause(err error) (time.Duration, error) {
	var turned *turnedAway
	var closed *closed
	wait := f.delay(f.tries)
	f.tries++
	switch {
	case errors.As(err, &turned):
		if !turned.again() {
			return 0, err
		}
		wait += turned.after
	case errors.As(err, &closed) && closed.final():
		return 0, fmt.Errorf("the server ended the connection for good: %w", err)
	case !f.met:
		return 0, fmt.Errorf("cannot connect to %s: %w; is a streamer running there? (--url names another)", f.Address, err)
	}
	if b := f.bye; b != nil {
		f.bye = nil
		if !b.Recon {
			return 0, fmt.Errorf("the server ended the connection for good: %s", b.Reason)
		}
		wait += time.Duration(b.After) * time.Millisecond
		err = errors.New(b.Reason)
	}
	notef(f.view, "connection ended (%v); next try in %.1f s", err, wait.Seconds())
	return wait, nil
}

// once follows the rooms over one connection, until it ends.
func (f *follower) once(ctx context.Context) error {
	l, err := dial(ctx, f.Address)
	if err != nil {
		return err
	}
	defer l.close()
	f.met = true
	if err := l.send(f.subscribe()); err != nil {
		return err
	}
	silence := time.NewTimer(f.deadline())
	defer silence.Stop()
	repaint := time.NewTimer(time.Hour)
	defer repaint.Stop()
	for f.stop == nil {
		select {
		case <-ctx.Done():
			return nil
		case <-silence.C:
			return errors.New("no sign of life")
		case <-repaint.C:
		case frame, ok := <-l.frames:
			if !ok {
				return l.end
			}
			if err := f.mirror.Frame(frame); err != nil {
				return fmt.Errorf("the server broke the protocol: %w", err)
			}
			if f.later {
				f.later = false
				return errors.New("asked to come later")
			}
			silence.Reset(f.deadline())
		}
		if again := f.flush(); again > 0 {
			repaint.Reset(again)
		}
	}
	return nil
}

// flush has the view write what it has. Where that fails there is nobody to follow for.
func (f *follower) flush() (again time.Duration) {
	again, err := f.view.flush(time.Now())
	if err != nil {
		f.stop = err
	}
	return again
}

// deadline is how long a server may be silent: it says something every heartbeat.
func (f *follower) deadline() time.Duration { return f.heartbeat * 5 / 2 }

// command is a subscribe.
type command struct {
	Op       string    `json:"op"`
	ID       int       `json:"id"`
	Interval string    `json:"interval,omitempty"`
	Rooms    []request `json:"rooms"`
}

type request struct {
	Room  string `json:"room"`
	Last  int    `json:"last,omitempty"`
	Since *since `json:"since,omitempty"`
}

type since struct {
	Epoch string `json:"epoch"`
	Seq   uint64 `json:"seq"`
}

// subscribe asks for the rooms, from where each of them is. Those that a pattern brought are named before
// it: a pattern has no since, and leaves rooms alone that are there.
func (f *follower) subscribe() []byte {
	names := slices.Sorted(func(yield func(string) bool) {
		for name, r := range f.mirror.Rooms {
			if r.Has && r.Epoch != "" && !slices.Contains(f.Rooms, name) && !yield(name) {
				return
			}
		}
	})
	names = append(names, f.Rooms...)
	slices.SortStableFunc(names, func(a, b string) int { return wild(a) - wild(b) })
	c := command{Op: "subscribe", ID: 1, Interval: f.Interval}
	for _, name := range names {
		r := request{Room: name, Last: f.Last}
		if have := f.mirror.Rooms[name]; have != nil && have.Has && have.Epoch != "" {
			r.Since = &since{have.Epoch, have.Seq}
		}
		c.Rooms = append(c.Rooms, r)
	}
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // it is made of strings and numbers
	}
	return text
}

func wild(name string) int {
	if strings.Contains(name, ":*") {
		return 1
	}
	return 0
}

// take looks at a message for what concerns the connection, and shows it.
func (f *follower) take(m *mirror.Message, r *mirror.Room) {
	switch m.T {
	case "hello":
		var h struct {
			Node      string
			Heartbeat int64
		}
		if json.Unmarshal(m.Raw, &h) == nil && h.Heartbeat > 0 {
			f.heartbeat = time.Duration(h.Heartbeat) * time.Millisecond
			notef(f.view, "connected to %s", clean(h.Node))
		}
	case "heartbeat":
		f.tries = 0 // a connection that lives this long was a good one
	case "bye":
		bye := *m
		f.bye = &bye
	case "error":
		f.refused(m)
	}
	f.view.message(m, r)
	if r != nil { // shown; and a tail runs long
		r.Trades = nil
		clear(r.Candles)
	}
}

// refused takes note of a room that there is not. When none is left, or it was not one room that was refused,
// there is nothing to follow.
func (f *follower) refused(m *mirror.Message) {
	text := clean(m.Text)
	if m.Room != "" {
		text = clean(m.Room) + ": " + text
	}
	if m.Retry {
		f.later, f.bye = true, &mirror.Message{Recon: true, After: m.After, Reason: text}
		return
	}
	delete(f.mirror.Rooms, m.Room)
	f.Rooms = slices.DeleteFunc(slices.Clone(f.Rooms), func(name string) bool { return name == m.Room })
	if len(f.Rooms) == 0 || m.Room == "" {
		f.stop = fmt.Errorf("refused: %s", text)
		return
	}
	notef(f.view, "refused: %s", text)
}

// gone reports whether an error says that nobody reads our output any more.
func gone(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, fs.ErrClosed)
}

// clean keeps what a server says from steering the terminal.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 {
			return '�'
		}
		return r
	}, s)
}
