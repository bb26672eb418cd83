package serve

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/urfave/cli/v2"
	"go.uber.org/goleak"

	"tapedeck/cmd/flags"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// output is what a command prints while it runs.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// run runs replay until the test ends, and returns the address of its history.
func run(t *testing.T, args ...string) string {
	t.Helper()
	out := &output{}
	app := &cli.App{Name: "replay", Writer: out, ErrWriter: io.Discard, Commands: []*cli.Command{Command(), Demo()}}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() { ended <- flags.Run(ctx, app, append([]string{"replay"}, args...)) }()
	t.Cleanup(func() {
		cancel()
		if code := <-ended; code != flags.OK {
			t.Errorf("it ended with %d", code)
		}
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	})
	history := regexp.MustCompile(`curl '(http://[^']*history[^']*)'`)
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if m := history.FindStringSubmatch(out.String()); m != nil {
			return m[1]
		}
		select {
		case code := <-ended:
			ended <- code
			t.Fatalf("it ended with %d: %s", code, out)
		default:
		}
	}
	t.Fatal("it does not say where it is")
	return ""
}

// lines are what an address answers.
func lines(t *testing.T, address string) (list []string) {
	t.Helper()
	answer, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	s := bufio.NewScanner(answer.Body)
	s.Buffer(nil, 16<<20)
	for s.Scan() {
		list = append(list, s.Text())
	}
	return list
}

// The addresses that are printed work, and give the same twice.
func check(t *testing.T, address string) {
	t.Helper()
	first, again := lines(t, address), lines(t, address)
	end := first[len(first)-1]
	if len(first) < 3 || !strings.Contains(end, `"state":"end"`) || end != again[len(again)-1] || strings.Contains(end, `"entries":0`) {
		t.Errorf("%s ended with %s, then with %s", address, end, again[len(again)-1])
	}
}

func TestDemo(t *testing.T) {
	check(t, run(t, "demo", "--length", "5s", "--listen", "127.0.0.1:0", "--log-level", "error"))
}

func TestServeCaptures(t *testing.T) {
	data := os.Getenv("TAPEDECK_DATA")
	if data == "" {
		data = "../../../../shared/data"
	}
	files, _ := filepath.Glob(filepath.Join(data, "sessions", "hftbacktest", "spot_*.raw.gz"))
	for _, f := range files {
		if !strings.Contains(f, ".rest.") {
			check(t, run(t, "serve", "--feed", "binance", "--capture", f, "--listen", "127.0.0.1:0", "--log-level", "error"))
			return
		}
	}
	t.Skip("there are no captures in " + data + ": TAPEDECK_DATA names where they are")
}

// Files of one day after the other are of one market: a symbol's room goes on from each into the next, also where it began
// in one that has ended since.
func TestServeCapturesOfSeveralDays(t *testing.T) {
	dir := t.TempDir()
	args := []string{"serve", "--feed", "binance", "--listen", "127.0.0.1:0", "--log-level", "error"}
	const day, first = int64(86400e6), int64(1700006390e6) // ten seconds before midnight
	for d := range int64(3) {
		var text bytes.Buffer
		for i := range int64(20) { // ten seconds before midnight, ten after it, ten of the day after that
			at := first + d*10e6 + i*500_000
			if d == 2 {
				at += day
			}
			fmt.Fprintf(&text, `%d {"e":"trade","E":%d,"s":"BTCUSDT","t":%d,"p":"100","q":"1","T":%[2]d,"m":true}`+"\n", at, at/1000, d*20+i+1)
		}
		name := filepath.Join(dir, fmt.Sprintf("day%d.raw", d))
		if err := os.WriteFile(name, text.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--capture", name)
	}
	address := run(t, args...)
	base, _, _ := strings.Cut(address, "?")
	for from, entries := range map[int64]int{1: 60, first + 10e6: 40} {
		all := strings.Join(lines(t, fmt.Sprintf("%s?rooms=trades:BINANCE:BTC-USDT&from=%d", base, from)), "\n")
		for id := 41; id <= 60; id++ { // of the last day: at max, no reader may have looked before it began
			if n := strings.Count(all, fmt.Sprintf(`"id":"%d"`, id)); n != 1 {
				t.Errorf("from %d: trade %d is there %d times", from, id, n)
			}
		}
		for _, want := range []string{`"reason":"epoch"`, fmt.Sprintf(`"entries":%d`, entries)} {
			if !strings.Contains(all, want) {
				t.Errorf("from %d: there is no %s in %s", from, want, all)
			}
		}
	}
}

func TestMistakes(t *testing.T) {
	for _, args := range [][]string{
		{"serve"}, {"serve", "--feed", "binance"}, {"serve", "--feed", "binanse", "--capture", "x"},
		{"serve", "--feed", "binance", "--capture", "missing.raw"}, {"demo", "--length", "1000h"}, {"demo", "--replay-sessions", "0"},
	} {
		app := &cli.App{Name: "replay", Writer: io.Discard, ErrWriter: io.Discard, Commands: []*cli.Command{Command(), Demo()}}
		if code := flags.Run(t.Context(), app, append([]string{"replay"}, args...)); code != flags.WrongFlags && code != flags.WrongConfig {
			t.Errorf("%q ends with %d", args, code)
		}
	}
}
