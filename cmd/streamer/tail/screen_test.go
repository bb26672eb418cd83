package tail

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"tapedeck/wire/mirror"
)

// terminal is as much of one as a screen uses.
type terminal struct {
	t      *testing.T
	lines  []string // all that was ever shown, also what has run out at the top
	row    int
	writes int
}

var control = regexp.MustCompile(`^\x1b\[(\d*)([A-Zm])`)

func (s *terminal) Write(p []byte) (int, error) {
	s.writes++
	for text := string(p); text != ""; {
		if m := control.FindStringSubmatch(text); m != nil {
			text = text[len(m[0]):]
			switch m[2] {
			case "A":
				n, _ := strconv.Atoi(m[1])
				if s.row -= n; s.row < 0 {
					s.t.Fatal("the cursor leaves the top")
				}
			case "J":
				s.lines = s.lines[:min(s.row, len(s.lines))]
			case "m":
			default:
				s.t.Fatalf("unknown control %q", m[0])
			}
			continue
		}
		r, size := utf8.DecodeRuneInString(text)
		text = text[size:]
		for s.row >= len(s.lines) {
			s.lines = append(s.lines, "")
		}
		switch {
		case r == '\n':
			s.row++
		case r == '\r':
		case r < ' ':
			s.t.Fatalf("unknown control %q", r)
		default:
			s.lines[s.row] += string(r)
		}
	}
	return len(p), nil
}

// show lets a screen show frames, one drawing each, and returns the terminal.
func show(t *testing.T, w, h, levels int, frames ...string) *terminal {
	t.Helper()
	term := &terminal{t: t}
	v := &screen{out: term, size: func() (int, int) { return w, h }, lines: lines{colour: true}, levels: levels}
	m := mirror.New()
	m.Message = v.message
	now := time.Unix(0, 0)
	for _, f := range frames {
		if err := m.Frame([]byte(f)); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Second)
		if again, err := v.flush(now); again != 0 || err != nil {
			t.Fatal(again, err)
		}
	}
	return term
}

func TestScreen(t *testing.T) {
	term := show(t, 100, 24, 10, session[0].frames[:12]...)
	golden(t, "screen.golden", strings.Join(term.lines, "\n"))
	if term.writes > 12 {
		t.Errorf("%d writes for 12 frames: it flickers", term.writes)
	}
}

// Whatever the terminal's size, no line of a ladder wraps and no ladder is higher than the terminal: it
// could not be drawn over.
func TestLadderFits(t *testing.T) {
	var bids, asks []string
	for i := range 50 {
		bids = append(bids, fmt.Sprintf(`["%d.5","%d"]`, 1000-i, i+1))
		asks = append(asks, fmt.Sprintf(`["%d","0.%04d"]`, 1001+i, i+1))
	}
	frame := func(room string) string {
		return fmt.Sprintf(`[{"t":"snapshot","room":%q,"epoch":"E","seq":12,"ts":1700000001000000,"d":{"bids":[%s],"asks":[%s]}}]`, room, strings.Join(bids, ","), strings.Join(asks, ","))
	}
	for _, w := range []int{1, 5, 20, 40, 200} {
		for _, h := range []int{1, 2, 3, 4, 5, 10, 24, 60} {
			term := show(t, w, h, 10, frame("book:BINANCE:BTC-USDT"), frame("book:BINANCE:ETH-USDT"), frame("book:BINANCE:ADA-USDT"), frame("book:BINANCE:BTC-USDT"))
			if len(term.lines) >= max(h, 2) {
				t.Errorf("%dx%d: %d lines are drawn", w, h, len(term.lines))
			}
			for _, line := range term.lines {
				if utf8.RuneCountInString(line) > w {
					t.Errorf("%dx%d: %q is wider", w, h, line)
				}
			}
		}
	}
}

// Between two drawings passes a frame's time; what came meanwhile is drawn when it has.
func TestScreenIsDrawnAtItsPace(t *testing.T) {
	var out bytes.Buffer
	v := &screen{out: &out, size: func() (int, int) { return 80, 24 }, levels: 3}
	now := time.Unix(0, 0)
	v.note("one")
	if again, _ := v.flush(now); again != 0 || !strings.Contains(out.String(), "one") {
		t.Fatalf("the first is not drawn: %v, %q", again, out.String())
	}
	v.note("two")
	again, _ := v.flush(now.Add(time.Millisecond))
	if again != frameTime-time.Millisecond || strings.Contains(out.String(), "two") {
		t.Fatalf("again in %v, drawn %q", again, out.String())
	}
	if again, _ = v.flush(now.Add(time.Millisecond + again)); again != 0 || !strings.Contains(out.String(), "two") {
		t.Fatalf("again in %v, drawn %q", again, out.String())
	}
	v.note("three")
	if v.end(); !strings.Contains(out.String(), "three") {
		t.Error("the last words are not drawn")
	}
}
