package kraken

import (
	"cmp"
	"fmt"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// v2 decodes one partition of WebSocket API v2.
type v2 struct {
	*decoder
	channel                             v2Channel
	name, kind, data, clock, method, at scan.Value // of the message itself
	snapshot, update, done              bool       // what it is by its type; its data was decoded
	now                                 int64      // time of the message
	bidSteps, askSteps                  []step     // of level3
	summed                              []byte     // memory for what its checksum is of
}

// The slots of the fields of an element of data, in the order of v2Names.
const (
	symbol byte = iota
	bids
	asks
	checksum
	timestamp
	price
	qty
	side
	tradeID
	bid
	bidQty
	ask
	askQty
	last
	volume
	vwap
	low
	high
	open
	closing
	trades
	interval
	intervalBegin
	status
	depth
	priceIncrement
	qtyIncrement
	// of the message itself
	channel
	kind
	data
	method
	result
	pairs
)

var v2Names = [...]string{
	"symbol", "bids", "asks", "checksum", "timestamp", "price", "qty", "side", "trade_id", "bid", "bid_qty", "ask", "ask_qty",
	"last", "volume", "vwap", "low", "high", "open", "close", "trades", "interval", "interval_begin", "status", "depth", "price_increment", "qty_increment",
	"channel", "type", "data", "method", "result", "pairs",
}

// v2Slots are the slots of an element's fields by name.
var v2Slots = scan.NewSlots(0, v2Names[:channel]...)

func v2Name(slot byte) string { return "field " + v2Names[slot] }

// v2Channel says how the elements of a channel's data are decoded.
type v2Channel struct {
	decode func(*v2, *market.Batch)
	kinds  bool // the message's type says what they are
	clocks bool // the message has a time that they do not
	pairs  bool // data is an object, and they are in its field pairs
	orders bool // bids and asks are orders
}

var v2Channels = map[string]v2Channel{
	"book":       {decode: (*v2).book, kinds: true},
	"level3":     {decode: (*v2).level3, kinds: true, orders: true},
	"trade":      {decode: (*v2).trade, kinds: true},
	"ticker":     {decode: (*v2).ticker},
	"ohlc":       {decode: (*v2).candle, clocks: true},
	"instrument": {decode: (*v2).instrument, pairs: true},
}

// Decode implements feed.Decoder.
func (d *v2) Decode(b *market.Batch, r *feed.Record) error {
	return d.Message.Decode(b, r, MaxRecord, d.record, v2Name)
}

// record reads the message. Its data is decoded on the way if it is known by then what it is, as it nearly
// always is: else when the rest was read.
func (d *v2) record(b *market.Batch) {
	c := &d.Cursor
	d.channel, d.snapshot, d.update, d.done, d.now = v2Channel{}, false, false, false, 0
	d.name, d.kind, d.data, d.clock, d.method, d.at = scan.Value{}, scan.Value{}, scan.Value{}, scan.Value{}, scan.Value{}, scan.Value{}
	if !c.Object() {
		c.Value()
		d.Refuse(feed.UnknownKind)
		return
	}
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		switch string(key) {
		case "channel":
			d.top(&d.name, channel)
			d.channel = v2Channels[string(d.word(d.name))]
		case "type":
			d.top(&d.kind, kind)
			word := d.word(d.kind)
			d.snapshot, d.update = string(word) == "snapshot", string(word) == "update"
		case "timestamp":
			d.top(&d.clock, timestamp)
		case "method":
			d.top(&d.method, method)
		case "result":
			d.top(&d.at, result)
		case "data":
			if d.channel.decode != nil && d.data.Kind == scan.None && !d.channel.clocks && (!d.channel.kinds || d.kind.Kind != scan.None) {
				d.elements(b)
				d.data.Kind, d.done = scan.Array, true
			} else {
				d.top(&d.data, data)
			}
		default:
			c.Value()
		}
	}
	if d.Healthy() {
		d.rest(b)
	}
}

// top takes the next value as one of the message's own.
func (d *v2) top(v *scan.Value, slot byte) {
	if v.Kind != scan.None {
		d.Fail(slot, scan.Twice)
	}
	*v = d.Cursor.Value()
}

// word returns a text of the message's own; nothing if it is none.
func (d *v2) word(v scan.Value) []byte {
	if v.Kind != scan.String {
		return nil
	}
	return d.Cursor.Text(v, d.text[:0])
}

// rest judges what the message is, and decodes its data if that was not done yet.
func (d *v2) rest(b *market.Batch) {
	switch name := d.word(d.name); {
	case d.method.Kind == scan.String && d.data.Kind == scan.None:
		d.answer()
	case string(name) == "heartbeat" || string(name) == "status":
		d.Skip(feed.Ignored)
	case d.channel.decode == nil || d.data.Kind == scan.None:
		d.Refuse(fmt.Errorf("%w: channel %.40q", feed.UnknownKind, name))
	case d.done:
	default:
		if d.channel.clocks && d.clock.Kind != scan.None {
			var ok bool
			if d.now, ok = d.Cursor.Time(d.clock); !ok {
				d.Fail(timestamp, scan.Wrong)
			}
		}
		d.inside(d.data, func() { d.elements(b) })
	}
}

// inside calls do with the cursor before a value that was taken whole.
func (d *v2) inside(v scan.Value, do func()) {
	outside := d.Cursor
	d.Cursor = outside.Into(v)
	do()
	d.Cursor = outside
}

// answer judges the answer to a request.
func (d *v2) answer() {
	d.Skip(feed.Ignored)
	subscribe := string(d.word(d.method)) == "subscribe"
	if d.at.Kind == scan.Object && (subscribe || string(d.word(d.method)) == "unsubscribe") {
		d.inside(d.at, func() { d.subscribes(subscribe) })
	}
}

// subscribes remembers what a subscription to a book says: its depth, which no message of the book does, and which is 10
// where level3 says none. Once level3 is left, the book comes by its levels again.
func (d *v2) subscribes(begins bool) {
	d.Clear()
	c := &d.Cursor
	c.Object()
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		switch string(key) {
		case "channel":
			d.Take(channel)
		case "symbol":
			d.Take(symbol)
		case "depth":
			d.Take(depth)
		default:
			c.Value()
		}
	}
	byOrder := d.Kind(channel) == scan.String && string(d.Word(channel)) == "level3"
	if !d.Has(symbol) || !byOrder && (!begins || !d.Has(depth)) {
		return
	}
	levels := int64(10)
	if d.Has(depth) {
		levels = min(d.Count(depth), maxDepth)
	}
	switch sym := d.named(d.Word(symbol)); {
	case sym == nil || !d.Healthy():
	case byOrder && begins:
		d.orders(sym).told = int(levels)
	case byOrder:
		d.leave(sym)
	default:
		d.memory(sym).book.told = int(levels)
	}
}

// elements decodes the data.
func (d *v2) elements(b *market.Batch) {
	c := &d.Cursor
	if !d.channel.pairs {
		d.list(b)
		return
	}
	if !c.Object() {
		c.Value()
		d.Fail(data, scan.Wrong)
		return
	}
	seen := false
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		switch {
		case string(key) != "pairs":
			c.Value()
		case seen:
			d.Fail(pairs, scan.Twice)
			c.Value()
		default:
			seen = true
			d.list(b)
		}
	}
	if !seen {
		d.Fail(pairs, scan.Missing)
	}
}

// list decodes a list of elements.
func (d *v2) list(b *market.Batch) {
	c := &d.Cursor
	if !c.Array() {
		c.Value()
		d.Fail(data, scan.Wrong)
		return
	}
	for c.More() {
		if !c.Object() {
			c.Value()
			d.Fail(data, scan.Wrong)
			continue
		}
		d.fields()
		if d.Healthy() {
			d.channel.decode(d, b)
		}
	}
}

// fields reads an element. The levels of a book are read at once, so that they are gone through once.
func (d *v2) fields() {
	d.Clear()
	c := &d.Cursor
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		slot, ok := v2Slots.Find(key)
		switch {
		case !ok:
			c.Value()
		case slot == bids && d.channel.orders:
			d.steps(slot, &d.bidSteps)
		case slot == asks && d.channel.orders:
			d.steps(slot, &d.askSteps)
		case slot == bids:
			d.Ladder(slot, &d.Bids, "price", "qty")
		case slot == asks:
			d.Ladder(slot, &d.Asks, "price", "qty")
		default:
			d.Take(slot)
		}
	}
}

// maxDepth is the largest depth that a book may have, by the venue's documents.
const maxDepth = 1000

// book decodes a whole book, or changes of one.
func (d *v2) book(b *market.Batch) {
	sym := d.named(d.Word(symbol))
	if sym == nil {
		return
	}
	if m := d.known[sym]; m != nil && m.orders != nil {
		d.Skip(errOther)
		return
	}
	at := int64(0)
	if d.Has(timestamp) {
		at = d.Clock(timestamp)
	}
	k := b.Book(sym, at)
	k.Snapshot = d.snapshot
	d.typed()
	if d.Value(bids) != read || d.Value(asks) != read {
		d.Fail(bids, scan.Wrong)
	}
	k.Check, k.Sum = &check, d.sum(checksum)
	d.sides(k)
	if !d.Healthy() {
		return
	}
	m := d.memory(sym)
	if k.Snapshot {
		m.book.begin(max(len(k.Bids), len(k.Asks)))
	}
	k.Depth = m.book.depth
}

// typed checks that the message says whether it is a snapshot.
func (d *v2) typed() {
	if !d.snapshot && !d.update {
		d.Fail(kind, scan.Wrong)
	}
}

// trade decodes a trade. A snapshot has the last 50 before the subscription.
func (d *v2) trade(b *market.Batch) {
	if d.typed(); d.snapshot {
		d.Skip(errPast)
		return
	}
	sym := d.named(d.Word(symbol))
	if sym == nil {
		return
	}
	t := b.Trade(sym, d.Clock(timestamp))
	t.Price, t.Qty = d.Price(price), d.Price(qty)
	d.ID(tradeID)
	t.ID, _ = market.MakeID(d.Cursor.Raw(d.Value(tradeID))) // as it is written: it has at most 18 digits
	var ok bool
	if t.Side, ok = takers[string(d.Word(side))]; !ok {
		d.Fail(side, scan.Wrong)
	}
}

var errPast = fmt.Errorf("%w: trades from before the subscription", feed.Ignored)

// ticker decodes the best bid and ask and the rolling day. Only since 2024 it has a time.
func (d *v2) ticker(b *market.Batch) {
	sym := d.named(d.Word(symbol))
	if sym == nil {
		return
	}
	at := int64(0)
	if d.Has(timestamp) {
		at = d.Clock(timestamp)
	}
	q := b.Quote(sym, at)
	q.BidPrice, q.BidQty = order(d.Size(bid), d.Size(bidQty))
	q.AskPrice, q.AskQty = order(d.Size(ask), d.Size(askQty))
	t := b.Ticker(sym, at)
	t.Put(market.Last, d.Size(last))
	t.Put(market.High, d.Size(high))
	t.Put(market.Low, d.Size(low))
	t.Put(market.Volume, d.Size(volume))
	t.Put(market.VWAP, d.Size(vwap))
}

// candle decodes a candle, of which the venue never says that it is final.
func (d *v2) candle(b *market.Batch) {
	sym := d.named(d.Word(symbol))
	if sym == nil {
		return
	}
	k := b.Candle(sym, d.now)
	k.Start = d.Clock(intervalBegin)
	if k.Width = d.Count(interval) * 60e6; k.Width == 0 || k.Width > maxWidth {
		d.Fail(interval, scan.Wrong)
	}
	k.Open, k.High, k.Low, k.Close = d.Price(open), d.Price(high), d.Price(low), d.Price(closing)
	if k.High.Cmp(k.Low) < 0 {
		d.Fail(high, scan.Wrong)
	}
	k.Volume, k.VWAP, k.Trades = d.Size(volume), d.Size(vwap), d.Count(trades)
}

// maxWidth is that of the widest candles, 15 days, in µs.
const maxWidth = 21600 * 60e6

// instrument decodes what a pair is, and whether it is traded.
func (d *v2) instrument(b *market.Batch) {
	sym := d.named(d.Word(symbol))
	if sym == nil {
		return
	}
	d.facts(b, sym)
	s := b.Status(sym, 0)
	switch word := d.Word(status); string(word) {
	case "online", "limit_only", "reduce_only":
	default:
		s.State, s.Reason = market.Halted, cmp.Or(reasons[string(word)], "not online")
	}
}

// reasons why a pair is not traded.
var reasons = map[string]string{
	"cancel_only": "cancel only", "post_only": "post only", "maintenance": "maintenance", "delisted": "delisted",
	"work_in_progress": "not open yet",
}
