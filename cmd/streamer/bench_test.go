package main

import (
	"encoding/json"
	"strings"
	"testing"

	"tapedeck/cmd/flags"
	"tapedeck/cmd/streamer/bench"
	"tapedeck/cmd/streamer/market"
)

// A real node under a small load: everything that can be asked for happens once, and nothing is found wrong.
func TestBench(t *testing.T) {
	a := startDemo(t, market.Options{Seed: 1, Rate: 5})
	url := []string{"--url", "http://" + a.Clients, "--admin", "http://" + a.Admin}
	args := append([]string{"bench", "book:BINANCE:*", "trades:BINANCE:*", "candles:BINANCE:*@5m", "--connections", "12", "--per", "8", "--settle", "100ms",
		"--duration", "3s", "--slow", "2", "--slow-for", "500ms", "--storm", "20", "--storm-for", "200ms", "--interval", "0", "--interval", "100ms", "--resumes", "20", "--json", "--threshold", "messages>1"}, url...)
	code, out, errs := runs(t, args...)
	var r bench.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != flags.OK {
		t.Fatalf("code %d: %v\n%s%s", code, err, out, errs)
	}
	if r.Messages == 0 || r.Events < r.Messages || r.Frames == 0 || r.Venue.Max == 0 || r.Join.Max == 0 || r.Fairness == 0 || r.ServerCPU == 0 || r.Snapshots < 20*8 || r.Calm == nil || r.Resumed == 0 || r.Interval != "0,100ms" {
		t.Errorf("something was not measured: %+v", r)
	}
	if n := r.Failures(); n > 0 || r.Compared == 0 {
		t.Errorf("%d failures, %d books compared: %s", n, r.Compared, out)
	}
	for _, tt := range []struct {
		args string
		code int
		want string
	}{
		{"trades:BINANCE:BTC-USDT --connections 2 --settle 1ms --duration 300ms --threshold p50>10m", flags.Failed, "p50>10m is missed"},
		{"trades:BINANCE:BTC-USDT --threshold speed>1", flags.WrongFlags, "nothing that is measured"},
		{"trades:BINANCE:BTC-USDT --slow 100", flags.WrongFlags, "--slow: fewer than the 100 connections"},
		{"trades:BINANCE:BTC-USDT --per 2", flags.WrongFlags, "--per: from 1 to the 1 rooms"},
		{"trades:KRAKEN:*", flags.Failed, "no room that trades:KRAKEN:* matches"},
		{"nonsense", flags.WrongFlags, "nonsense"},
		{"", flags.WrongFlags, "bench needs rooms"},
	} {
		code, out, errs := runs(t, append(append([]string{"bench"}, strings.Fields(tt.args)...), url...)...)
		if code != tt.code || !strings.Contains(errs, tt.want) {
			t.Errorf("%s: code %d, want %d: %s%s", tt.args, code, tt.code, out, errs)
		}
	}
}
