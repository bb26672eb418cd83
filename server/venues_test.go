package server

import (
	"fmt"
	"strings"
	"testing"

	"tapedeck/feed"
	memory "tapedeck/feed/tape"
	"tapedeck/feed/venue/tick"
)

// Where records name their venues, a replay that begins before the first of them has its rooms all the same: by name, and by a
// standing order.
func TestReplayKnowsTheVenuesThatAreAskedFor(t *testing.T) {
	tp := memory.New(1 << 20)
	const begin = int64(1_700_000_000_000_000)
	for i := range int64(100) {
		tp.Append(feed.LogID{Topic: "t", Format: "tick"}, &feed.Record{Offset: i, Time: begin + i*1e6, Value: fmt.Appendf(nil, `{"t":"trade","venue":"DESK","symbol":"S","px":"1","qty":"%d"}`, i+1)})
	}
	n := start(t, newTape(1).player(), func(c *Config) {
		c.Archive, c.Formats = tp, func(name string) (*feed.Format, bool) { return tick.Format, name == "tick" }
	})
	for room, least := range map[string]int{"trades:DESK:S": 100, "trades:DESK:*": 50} { // who joins by a standing order begins with the last trades
		status, text, _ := get(t, n, fmt.Sprintf("/v1/history?from=%d&rooms=%s", begin-3600e6, room))
		if trades := strings.Count(text, `"px":"1"`); status != 200 || trades < least || strings.Contains(text, "unknown_room") {
			t.Errorf("%s: %d, %d trades, want %d: %.300s", room, status, trades, least, text)
		}
	}
}
