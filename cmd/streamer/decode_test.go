package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tapedeck/cmd/flags"
)

// A capture with one message of each kind that matters: a delta before its snapshot, the snapshot, a delta that
// follows it, one that does not, a trade, an answer, an unknown kind and a line that is no message.
const decodeCapture = `1700000000000000000 {"stream":"btcusdt@depth","data":{"e":"depthUpdate","E":1700000000000,"s":"BTCUSDT","U":1,"u":5,"b":[["10.0","1"]],"a":[]}}
1700000000100000000 https://host/api/v3/depth?symbol=BTCUSDT {"lastUpdateId":5,"bids":[["10.0","1"]],"asks":[["11.0","2"]]}
1700000000200000000 {"stream":"btcusdt@depth","data":{"e":"depthUpdate","E":1700000000200,"s":"BTCUSDT","U":6,"u":7,"b":[["10.5","3"]],"a":[]}}
1700000000300000000 {"stream":"btcusdt@trade","data":{"e":"trade","E":1700000000300,"s":"BTCUSDT","t":9,"p":"10.5","q":"0.10","T":1700000000299,"m":true,"M":true}}
1700000000400000000 {"stream":"btcusdt@depth","data":{"e":"depthUpdate","E":1700000000400,"s":"BTCUSDT","U":9,"u":9,"b":[["10.0","0"]],"a":[]}}
1700000000500000000 {"result":null,"id":1}
1700000000600000000 {"e":"somethingNew","s":"BTCUSDT"}
nonsense
`

func runDecode(t *testing.T, args ...string) (out, errs string, code int) {
	t.Helper()
	app := newApp()
	var o, e bytes.Buffer
	app.Writer, app.ErrWriter = &o, &e
	code = flags.Run(context.Background(), app, append([]string{"streamer", "decode"}, args...))
	return o.String(), e.String(), code
}

func TestDecode(t *testing.T) {
	file := filepath.Join(t.TempDir(), "one.rest.raw") // .rest: its second line has an address
	if err := os.WriteFile(file, []byte(decodeCapture), 0o600); err != nil {
		t.Fatal(err)
	}
	out, summary, code := runDecode(t, "--feed", "binance", file)
	if code != flags.OK {
		t.Fatalf("exit code %d: %s", code, summary)
	}
	want := []string{
		`"room":"book:BINANCE:BTC-USDT","first":1,"last":5,"d":{"bids":[["10.0","1"]],"asks":[]}}`,
		`"room":"book:BINANCE:BTC-USDT","snapshot":true,"last":5,"d":{"bids":[["10.0","1"]],"asks":[["11.0","2"]]}}`,
		`"first":6,"last":7,"d":{"bids":[["10.5","3"]],"asks":[]}}`,
		`{"line":4,"ts":1700000000300000,"vts":1700000000299000,"room":"trades:BINANCE:BTC-USDT","d":[{"id":"9","px":"10.5","qty":"0.10","side":"sell","ts":1700000000299000}]}`,
		`"first":9,"last":9,"d":{"bids":[["10.0","0"]],"asks":[]}}`,
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != len(want) {
		t.Fatalf("%d lines:\n%s", len(lines), out)
	}
	for i := range want {
		if !strings.HasSuffix(lines[i], want[i]) {
			t.Errorf("line %d is\n%s\nwant the end\n%s", i+1, lines[i], want[i])
		}
	}
	squeezed := strings.Join(strings.Fields(summary), " ")
	for _, want := range []string{
		"messages 7 of 1 symbols", "book delta 3 book snapshot 1 trades 1", "ignored 1", "unknown_kind 1 first: " + file + ":7:",
		"no message 1 first: " + file + ":8:", "events 5", "book rule binance-spot kept 2 broken 1 without a snapshot 1",
	} {
		if !strings.Contains(squeezed, want) {
			t.Errorf("the summary does not say %q:\n%s", want, summary)
		}
	}
}

func TestDecodePicks(t *testing.T) {
	file := filepath.Join(t.TempDir(), "one.rest.raw")
	if err := os.WriteFile(file, []byte(decodeCapture), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, _, _ := runDecode(t, "--feed", "binance", "--room", "trades:*", file); strings.Count(out, "\n") != 1 || !strings.Contains(out, `"trades:`) {
		t.Errorf("--room trades:* prints\n%s", out)
	}
	if out, summary, _ := runDecode(t, "--feed", "binance", "--summary", file); out != "" || !strings.Contains(summary, "messages") {
		t.Errorf("--summary prints\n%s\nand\n%s", out, summary)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{nil, flags.WrongFlags, "decode needs files"},
		{[]string{"x"}, flags.WrongFlags, "decode needs --format"},
		{[]string{"--feed", "binanc", "x"}, flags.WrongFlags, "did you mean binance"},
		{[]string{"--feed", "binance", "--room", "[", "x"}, flags.WrongFlags, "--room"},
		{[]string{"--feed", "itch", "--day", "Monday", os.DevNull}, flags.WrongFlags, "--day"},
		{[]string{"--feed", "binance", filepath.Join(t.TempDir(), "missing")}, flags.Failed, "missing"},
	} {
		_, errs, code := runDecode(t, tt.args...)
		if code != tt.code || !strings.Contains(errs, tt.want) {
			t.Errorf("%q: code %d, %q; want %d and %q", tt.args, code, errs, tt.code, tt.want)
		}
	}
}

// A format may be a mapping of the settings file, wherever a format can be named.
func TestMappingsAreFormats(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	config := write("tapedeck.yaml", `
feed: desk-trades=md.desk
mappings:
  desk-trades:
    format: csv
    venue: DESK
    symbol: "@key"
    time: {from: 1, unit: ms}
    messages:
      - trade: {price: 2, size: 3}
`)
	capture := write("desk.raw", "1700000000000000000 1700000000123,37000.10,0.5\n")
	out, summary, code := runDecode(t, "--config", config, "--feed", "desk-trades", "--symbol", "BTC-USD", capture)
	if want := `"room":"trades:DESK:BTC-USD","d":[{"id":"","px":"37000.10","qty":"0.5","side":"unknown","ts":1700000000123000}]}`; code != flags.OK || !strings.Contains(out, want) {
		t.Errorf("code %d, %s%s, want %s", code, out, summary, want)
	}
	if _, errs, code := runDecode(t, "--config", config, "--feed", "desk-trade", capture); code != flags.WrongFlags || !strings.Contains(errs, "did you mean desk-trades?") {
		t.Errorf("code %d, %s", code, errs)
	}
	out, errs, code := checked("check-config", "--offline", "--config", config, "--brokers", "127.0.0.1:1")
	if code != flags.OK || !strings.Contains(out, "ok       settings") {
		t.Errorf("check-config: code %d, %s%s", code, out, errs)
	}
	wrong := write("wrong.yaml", "mappings:\n  desk:\n    fromat: csv\n")
	if _, errs, code := checked("serve", "--config", wrong); code != flags.WrongConfig || errs != "streamer: "+wrong+":3:5: a mapping has no key fromat: did you mean format?\n" {
		t.Errorf("serve: code %d, %s", code, errs)
	}
}

func checked(args ...string) (out, errs string, code int) {
	app := newApp()
	var o, e bytes.Buffer
	app.Writer, app.ErrWriter = &o, &e
	code = flags.Run(context.Background(), app, append([]string{"streamer"}, args...))
	return o.String(), e.String(), code
}
