package kraken

import (
	"slices"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// The slots of what a pair is, in the body of AssetPairs.
const (
	v1Result = 'R'
	wsName   = 'W' // what the WebSocket API calls it
	tick     = 'T'
	places   = 'P' // decimals of a price
	parts    = 'L' // decimals of a quantity
)

var assetNames = map[byte]string{v1Result: "result", wsName: "wsname", tick: "tick_size", places: "pair_decimals", parts: "lot_decimals"}

// assets decodes the result of GET /0/public/AssetPairs: what each pair is. Whether it is traded may have changed since.
func (d *v1) assets(b *market.Batch) {
	c, before := &d.Cursor, len(b.Events)
	d.Skip(feed.Ignored)
	c.Object()
	for _, ok := c.Key(); ok; _, ok = c.Key() {
		d.Clear()
		if !c.Object() {
			c.Value()
			d.Refuse(feed.UnknownKind)
			continue
		}
		d.asset()
		switch {
		case !d.Has(places): // the result of another request
			d.Refuse(feed.UnknownKind)
		case d.Has(wsName) && d.Healthy(): // dark pools have none
			d.steps(b, b.Events[before:])
		}
	}
}

// asset reads the fields of a pair, in which the cursor is.
func (d *v1) asset() {
	c := &d.Cursor
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		switch string(key) {
		case "wsname":
			d.Take(wsName)
		case "tick_size":
			d.Take(tick)
		case "pair_decimals":
			d.Take(places)
		case "lot_decimals":
			d.Take(parts)
		default:
			c.Value()
		}
	}
}

// steps decodes the least steps of a pair's price and quantity, which none of those told before is. That of the price
// used to be told by its decimals alone.
func (d *v1) steps(b *market.Batch, told []market.Event) {
	sym := d.named(d.Word(wsName))
	if sym == nil {
		return
	}
	if slices.ContainsFunc(told, func(ev market.Event) bool { return ev.Symbol == sym }) {
		d.Fail(wsName, scan.Twice)
		return
	}
	facts := b.Instrument(sym, 0)
	if facts.Tick = d.Step(places); d.Has(tick) {
		facts.Tick = d.Price(tick)
	}
	facts.Lot = d.Step(parts)
}
