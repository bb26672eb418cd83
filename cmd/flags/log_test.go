package flags

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/urfave/cli/v2"
)

// logged runs a program that logs with the flags given, and returns its code and what it wrote.
func logged(t *testing.T, do func(*slog.Logger), args ...string) (code int, text string) {
	t.Helper()
	var errs bytes.Buffer
	app := &cli.App{Name: "toy", ErrWriter: &errs, Commands: []*cli.Command{{Name: "log", Flags: Log(), Action: func(c *cli.Context) error {
		l, err := Logger(c)
		if err == nil {
			do(l)
		}
		return err
	}}}}
	code = Run(t.Context(), app, append([]string{"toy", "log"}, args...))
	return code, errs.String()
}

func TestLogger(t *testing.T) {
	say := func(l *slog.Logger) {
		l.Debug("quiet")
		l.Info("hello", "n", 1)
	}
	code, text := logged(t, say)
	var line struct {
		Msg string
		N   int
	}
	if err := json.Unmarshal([]byte(text), &line); code != OK || err != nil || line.Msg != "hello" || line.N != 1 {
		t.Errorf("no terminal: code %d, %q is not the one line in JSON", code, text)
	}
	if _, text := logged(t, say, "--log-format", "text", "--log-level", "debug"); !strings.Contains(text, " DEBUG quiet\n") || !strings.HasSuffix(text, " hello n=1\n") || strings.Contains(text, "\x1b") {
		t.Errorf("got %q", text)
	}
	for _, args := range [][]string{{"--log-format", "jsno"}, {"--log-level", "inof"}} {
		if code, text := logged(t, say, args...); code != WrongFlags || !strings.Contains(text, "did you mean") {
			t.Errorf("%q: code %d, printed %q", args, code, text)
		}
	}
}

func TestTextHandler(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC)
	write := func(colour bool, level slog.Level, with func(*slog.Logger) *slog.Logger, args ...any) string {
		var out bytes.Buffer
		h := with(slog.New(&textHandler{out: &out, level: slog.LevelDebug, colour: colour, mu: &sync.Mutex{}})).Handler()
		r := slog.NewRecord(at, level, "message", 0)
		r.Add(args...)
		if err := h.Handle(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	plainly := func(l *slog.Logger) *slog.Logger { return l }
	tests := []struct{ got, want string }{
		{write(false, slog.LevelInfo, plainly, "a", 1, "b", "x y", "c", ""), "03:04:05.006 message a=1 b=\"x y\" c=\"\"\n"},
		{write(false, slog.LevelWarn, plainly, "evil", "\x1b[2J\nnext"), "03:04:05.006 WARN message evil=\"\\x1b[2J\\nnext\"\n"},
		{write(false, slog.LevelError, func(l *slog.Logger) *slog.Logger { return l.With("p", 1).WithGroup("g").With("q", 2).WithGroup("") }, "r", 3),
			"03:04:05.006 ERROR message p=1 g.q=2 g.r=3\n"},
		{write(false, slog.LevelInfo, plainly, slog.Group("g", "a", 1, slog.Group("", "b", 2))), "03:04:05.006 message g.a=1 g.b=2\n"},
		{write(true, slog.LevelWarn, plainly, "a", 1), dim + "03:04:05.006" + plain + " " + yellow + "WARN" + plain + " message " + dim + "a=" + plain + "1\n"},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}
