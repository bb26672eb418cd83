package tick

import (
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// The slots of the fields. Those of a ticker follow, by market.Field.
const (
	kind = byte(iota)
	venue
	symbol
	sort // of instrument
	ts
	id
	px
	qty
	side
	bid
	bidQty
	ask
	askQty
	snapshot
	seq
	prev
	bids
	asks
	start
	width
	open
	high
	low
	closing
	volume
	count
	final
	state
	ticker
)

// names are the fields as they are called.
var names = fieldNames()

func fieldNames() (n [ticker + market.NumFields]string) {
	copy(n[:], []string{
		"t", "venue", "symbol", "kind", "ts", "id", "px", "qty", "side", "bid", "bidQty", "ask", "askQty",
		"snapshot", "seq", "prev", "bids", "asks", "start", "width", "o", "h", "l", "c", "v", "n", "final", "state",
	})
	for f := range market.Field(market.NumFields) {
		n[ticker+byte(f)] = f.String()
	}
	return n
}

var slots = scan.NewSlots(0, names[:]...)
