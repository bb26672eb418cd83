package flags

import (
	"context"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"
)

// Log are the flags of the log. Logger reads them.
func Log() []cli.Flag {
	const category = "Log"
	return []cli.Flag{
		&cli.StringFlag{Name: "log-format", Category: category, Value: "auto", Usage: "`FORMAT` of what is told: text, json, or auto: text on a terminal, else json"},
		&cli.StringFlag{Name: "log-level", Category: category, Value: "info", Usage: "tell what is at least of this `LEVEL`: debug, info, warn or error"},
	}
}

// Logger returns the log that the flags ask for. It goes to the app's ErrWriter.
func Logger(c *cli.Context) (*slog.Logger, error) {
	levels := []string{"debug", "info", "warn", "error"}
	formats := []string{"auto", "text", "json"}
	var level slog.Level
	name, format := c.String("log-level"), c.String("log-format")
	if err := level.UnmarshalText([]byte(name)); err != nil {
		return nil, BadFlag("--log-level: %q is not a level: %s", name, DidYouMean(name, "", levels))
	}
	terminal := Terminal(c.App.ErrWriter)
	switch format {
	case "auto":
		if !terminal {
			format = "json"
		}
	case "text", "json":
	default:
		return nil, BadFlag("--log-format: %q is not a format: %s", format, DidYouMean(format, "", formats))
	}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(c.App.ErrWriter, &slog.HandlerOptions{Level: level})), nil
	}
	return slog.New(&textHandler{out: c.App.ErrWriter, level: level, colour: terminal && Colour(), mu: &sync.Mutex{}}), nil
}

// Terminal reports whether w is one.
func Terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Colour reports whether a terminal may be coloured: https://no-color.org.
func Colour() bool { return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" }

// textHandler writes lines for people: the time, the level where it is not the usual one, the message, and
// what belongs to it.
type textHandler struct {
	out    io.Writer
	level  slog.Level
	colour bool
	prefix string // of keys: the open groups
	attrs  string // what With added, written already
	mu     *sync.Mutex
}

// Enabled implements slog.Handler.
func (h *textHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level }

const (
	dim    = "\x1b[2m"
	red    = "\x1b[31m"
	yellow = "\x1b[33m"
	plain  = "\x1b[0m"
)

// Handle implements slog.Handler.
func (h *textHandler) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	h.paint(&b, dim, r.Time.Format("15:04:05.000"))
	b.WriteByte(' ')
	if r.Level != slog.LevelInfo {
		colour := dim
		if r.Level >= slog.LevelWarn {
			colour = yellow
		}
		if r.Level >= slog.LevelError {
			colour = red
		}
		h.paint(&b, colour, r.Level.String())
		b.WriteByte(' ')
	}
	b.WriteString(r.Message)
	b.WriteString(h.attrs)
	r.Attrs(func(a slog.Attr) bool {
		h.append(&b, h.prefix, a)
		return true
	})
	b.WriteByte('\n')
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := io.WriteString(h.out, b.String())
	return err
}

func (h *textHandler) paint(b *strings.Builder, colour, text string) {
	if h.colour {
		text = colour + text + plain
	}
	b.WriteString(text)
}

func (h *textHandler) append(b *strings.Builder, prefix string, a slog.Attr) {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, member := range v.Group() {
			h.append(b, prefix, member)
		}
		return
	}
	if a.Equal(slog.Attr{}) {
		return
	}
	b.WriteByte(' ')
	h.paint(b, dim, prefix+a.Key+"=")
	text := v.String()
	if text == "" || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == '"' || r == '=' || !strconv.IsPrint(r) }) {
		text = strconv.Quote(text) // also what would steer a terminal
	}
	b.WriteString(text)
}

// WithAttrs implements slog.Handler.
func (h *textHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *h
	var b strings.Builder
	for _, a := range attrs {
		h.append(&b, h.prefix, a)
	}
	with.attrs += b.String()
	return &with
}

// WithGroup implements slog.Handler.
func (h *textHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	with := *h
	with.prefix += name + "."
	return &with
}
