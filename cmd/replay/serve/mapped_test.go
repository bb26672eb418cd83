package serve

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A format may be a mapping of the settings file: its rooms are those that are shown first.
func TestServeMappedCaptures(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct{ venue, rooms string }{
		{"DESK", "rooms=trades:DESK:*"},
		{"{from: v, words: {d: DESK}}", "rooms=trades:VENUE:SYMBOL"},
	} {
		config, capture := filepath.Join(dir, "tapedeck.yaml"), filepath.Join(dir, "desk.raw")
		text := "mappings:\n  desk: {format: json, venue: " + tt.venue + ", symbol: s, messages: [{trade: {price: p, size: q}}]}\n"
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		line := "1700000000000000000 {\"v\":\"d\",\"s\":\"BTC-USD\",\"p\":\"37000.10\",\"q\":\"0.5\"}\n"
		if err := os.WriteFile(capture, []byte(line), 0o600); err != nil {
			t.Fatal(err)
		}
		address := run(t, "serve", "--config", config, "--feed", "desk", "--capture", capture, "--listen", "127.0.0.1:0", "--log-level", "error")
		if !strings.HasSuffix(address, tt.rooms) {
			t.Errorf("with venue %s it shows %s, want %s", tt.venue, address, tt.rooms)
		}
		if tt.rooms == "rooms=trades:VENUE:SYMBOL" {
			continue
		}
		got := strings.Join(lines(t, address), "\n")
		if !strings.Contains(got, `"room":"trades:DESK:BTC-USD"`) || !strings.Contains(got, `"px":"37000.10"`) || !strings.Contains(got, `"state":"end"`) {
			t.Errorf("its history is %s", got)
		}
	}
}
