package kraken

import (
	"bytes"
	"fmt"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// v1 decodes one partition of WebSocket API v1: messages are lists of a number, one or two contents, the
// channel's name and the pair.
type v1 struct {
	*decoder
	channel scan.Value
	pair    scan.Value
	list    scan.Value // the content, where it is a list
	newest  int64      // time of the newest level of a book, µs
	pairs   [64]byte   // memory for the pair, where it has escapes
}

// The slots of a content's fields are their letters, and these; those of a row of numbers are
// numbers from 0 on.
const (
	allAsks = 'A' // "as"
	allBids = 'B' // "bs"
	rowMax  = 16
)

func v1Name(slot byte) string {
	switch slot {
	case allAsks:
		return "field as"
	case allBids:
		return "field bs"
	}
	if name := assetNames[slot]; name != "" {
		return "field " + name
	}
	if slot < rowMax {
		return fmt.Sprintf("number %d of a row", slot+1)
	}
	return "field " + string(rune(slot))
}

// Decode implements feed.Decoder.
func (d *v1) Decode(b *market.Batch, r *feed.Record) error {
	return d.Message.Decode(b, r, MaxRecord, d.record, v1Name)
}

func (d *v1) record(b *market.Batch) {
	c := &d.Cursor
	switch {
	case c.Object():
		d.answer(b)
	case c.Array():
		d.message(b)
	default:
		c.Value()
		d.Refuse(feed.UnknownKind)
	}
}

// answer reads an object: an answer, by REST too, a heartbeat, or the state of the system.
func (d *v1) answer(b *market.Batch) {
	c := &d.Cursor
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		switch string(key) {
		case "event":
			d.Take('e')
		case "result":
			d.Take(v1Result)
		default:
			c.Value()
		}
	}
	if !d.Has('e') && d.Kind(v1Result) == scan.Object {
		d.Within(d.Value(v1Result), func() { d.assets(b) })
		return
	}
	if d.Kind('e') == scan.String {
		switch string(d.Word('e')) {
		case "heartbeat", "systemStatus", "subscriptionStatus", "pong", "error":
			d.Skip(feed.Ignored)
			return
		}
	}
	d.Refuse(feed.UnknownKind)
}

// message reads a list, and decodes it when its last part has said what it is.
func (d *v1) message(b *market.Batch) {
	c := &d.Cursor
	d.channel, d.pair, d.list, d.newest = scan.Value{}, scan.Value{}, scan.Value{}, 0
	for c.More() {
		switch {
		case c.Object():
			d.fields()
		case c.At('['):
			d.only(&d.list)
		case c.At('"') && d.channel.Kind == scan.None:
			d.channel = c.Value()
		case c.At('"'):
			d.only(&d.pair)
		default:
			c.Value() // the channel's number
		}
	}
	if d.pair.Kind == scan.None {
		d.Refuse(feed.UnknownKind)
		return
	}
	if d.Healthy() {
		d.event(b)
	}
}

var errParts = fmt.Errorf("%w: the list has more parts than it may", feed.BadValue)

func (d *v1) only(v *scan.Value) {
	if v.Kind != scan.None {
		d.Refuse(errParts)
	}
	*v = d.Cursor.Value()
}

// fields reads a content that is an object: of a book, its levels too. A book's message may have two.
func (d *v1) fields() {
	c := &d.Cursor
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		slot := byte(0)
		switch {
		case len(key) == 1 && key[0] >= 'a' && key[0] <= 'z':
			slot = key[0]
		case string(key) == "as":
			slot = allAsks
		case string(key) == "bs":
			slot = allBids
		default:
			c.Value()
			continue
		}
		switch {
		case (slot == 'a' || slot == allAsks) && d.levelsAhead():
			d.Asks = d.levels(d.Asks[:0])
		case (slot == 'b' || slot == allBids) && d.levelsAhead():
			d.Bids = d.levels(d.Bids[:0])
		default:
			d.Take(slot)
			continue
		}
		d.Note(slot, read)
	}
}

// levelsAhead reports whether the next value is a list of lists, or empty; and enters it. What a ticker
// has under the same letters is neither.
func (d *v1) levelsAhead() bool {
	ahead := d.Cursor
	if !ahead.Array() || !ahead.At('[') && !ahead.At(']') {
		return false
	}
	d.Cursor = ahead
	return true
}

// levels reads levels of price, quantity, time and, where one is only told again, "r".
func (d *v1) levels(dst []market.Level) []market.Level {
	c := &d.Cursor
	for c.More() {
		var l market.Level
		good, time := false, int64(0)
		if !c.Array() {
			c.Value()
			d.Sick = true
			continue
		}
		for i := 0; c.More(); i++ {
			switch i {
			case 0:
				l.Price, _ = c.Amount()
			case 1:
				l.Qty, _ = c.Amount()
			case 2:
				time, good = seconds(c, c.Value())
			default:
				c.Value()
			}
		}
		d.Sick = d.Sick || !good || !goodLevel(l)
		d.newest = max(d.newest, time)
		dst = append(dst, l)
	}
	return dst
}

// event decodes the message that was read.
func (d *v1) event(b *market.Batch) {
	c := &d.Cursor
	name := c.Text(d.channel, d.text[:0])
	kind, number, _ := bytes.Cut(name, []byte("-"))
	n := 0
	for _, c := range number {
		if n = n*10 + int(c-'0'); c-'0' > 9 || n > 1e5 {
			n = -1
			break
		}
	}
	decode := v1Channels[string(kind)]
	if decode == nil || n < 0 {
		d.Refuse(fmt.Errorf("%w: channel %.40q", feed.UnknownKind, name))
		return
	}
	if sym := d.named(c.Text(d.pair, d.pairs[:0])); sym != nil {
		decode(d, b, sym, n)
	}
}

var v1Channels = map[string]func(*v1, *market.Batch, *market.Symbol, int){
	"trade": (*v1).trades, "spread": (*v1).spread, "ticker": (*v1).ticker, "book": (*v1).book, "ohlc": (*v1).candle,
}

// book decodes a whole book, or changes of one. Its depth is in the channel's name.
func (d *v1) book(b *market.Batch, sym *market.Symbol, depth int) {
	k := b.Book(sym, d.newest)
	k.Depth = depth
	asks, bids := byte('a'), byte('b')
	if k.Snapshot = d.Has(allAsks) || d.Has(allBids); k.Snapshot {
		asks, bids = allAsks, allBids
	}
	switch {
	case depth == 0:
		d.Refuse(fmt.Errorf("%w: a book without its depth", feed.UnknownKind))
	case k.Snapshot && (d.Has('a') || d.Has('b')):
		d.Fail('a', scan.Wrong)
	case k.Snapshot && !d.Has(allAsks), !k.Snapshot && !d.Has('b') && !d.Has('a'):
		d.Fail(asks, scan.Missing)
	case k.Snapshot && !d.Has(allBids):
		d.Fail(bids, scan.Missing)
	}
	d.side(asks, &d.Asks)
	d.side(bids, &d.Bids)
	if d.Has('c') {
		k.Check, k.Sum = &check, d.sum('c')
	}
	d.sides(k)
}

// read is what is noted of levels that were read.
var read = scan.Value{Kind: scan.Array}

// side checks the levels of a side: none, where the message does not have it.
func (d *v1) side(slot byte, levels *[]market.Level) {
	switch {
	case !d.Has(slot):
		*levels = (*levels)[:0]
	case d.Value(slot) != read:
		d.Fail(slot, scan.Wrong)
	}
}

// sum reads a checksum.
func (d *decoder) sum(slot byte) uint32 {
	n, ok := d.Number(slot).Int64()
	if !ok || n < 0 || n > 1<<32-1 {
		d.Fail(slot, scan.Wrong)
	}
	return uint32(n)
}

// trades decodes trades: price, quantity, time, the taker's side, kind of order. They have no id.
func (d *v1) trades(b *market.Batch, sym *market.Symbol, _ int) {
	d.rows(func() {
		t := b.Trade(sym, d.seconds(2))
		t.Price, t.Qty = d.Price(0), d.Price(1)
		var ok bool
		if t.Side, ok = takers[string(d.Word(3))]; !ok {
			d.Fail(3, scan.Wrong)
		}
	})
}

// spread decodes the best bid and ask: their prices, a time, their quantities.
func (d *v1) spread(b *market.Batch, sym *market.Symbol, _ int) {
	d.row(func() {
		q := b.Quote(sym, d.seconds(2))
		q.BidPrice, q.BidQty = order(d.Size(0), d.Size(3))
		q.AskPrice, q.AskQty = order(d.Size(1), d.Size(4))
	})
	if d.Healthy() {
		d.memory(sym).spread = true
	}
}

// candle decodes a candle: time of its newest trade, its end, open, high, low, close, vwap, volume,
// number of trades.
func (d *v1) candle(b *market.Batch, sym *market.Symbol, minutes int) {
	d.row(func() {
		k := b.Candle(sym, d.seconds(0))
		k.Width = int64(minutes) * 60e6
		if k.Start = d.seconds(1) - k.Width; k.Width == 0 || k.Start < 0 {
			d.Fail(1, scan.Wrong)
		}
		k.Open, k.High, k.Low, k.Close = d.Price(2), d.Price(3), d.Price(4), d.Price(5)
		if k.High.Cmp(k.Low) < 0 {
			d.Fail(3, scan.Wrong)
		}
		k.VWAP, k.Volume, k.Trades = d.Size(6), d.Size(7), d.Count(8)
	})
}

// row calls decode with the content as a row of values, in the slots from 0 on.
func (d *v1) row(decode func()) {
	outside := d.Cursor
	if d.list.Kind != scan.Array {
		d.Refuse(errContent)
		return
	}
	d.Cursor = outside.Into(d.list)
	d.next(decode)
	d.Cursor = outside
}

// rows calls decode with each row of the content.
func (d *v1) rows(decode func()) {
	outside := d.Cursor
	if d.list.Kind != scan.Array {
		d.Refuse(errContent)
		return
	}
	d.Cursor = outside.Into(d.list)
	d.Cursor.Array()
	for d.Cursor.More() {
		d.next(decode)
	}
	d.Cursor = outside
}

var errContent = fmt.Errorf("%w: the content is not what the channel has", feed.BadValue)

// next reads the list at which the cursor is, and calls decode with it.
func (d *v1) next(decode func()) {
	if !d.Cursor.Array() {
		d.Cursor.Value()
		d.Refuse(errContent)
		return
	}
	d.Clear()
	for i := byte(0); d.Cursor.More(); i++ {
		if i < rowMax {
			d.Take(i)
		} else {
			d.Cursor.Value()
		}
	}
	if d.Healthy() {
		decode()
	}
}

// ticker decodes the rolling day, and the best bid and ask unless spread tells them. Of what is told of the day
// so far and of the last 24 hours, the latter counts. It has no time.
func (d *v1) ticker(b *market.Batch, sym *market.Symbol, _ int) {
	if m := d.known[sym]; m == nil || !m.spread {
		q := b.Quote(sym, 0)
		q.BidPrice, q.BidQty = order(d.at('b', 0), d.at('b', 2))
		q.AskPrice, q.AskQty = order(d.at('a', 0), d.at('a', 2))
	}
	t := b.Ticker(sym, 0)
	t.Put(market.Last, d.at('c', 0))
	t.Put(market.Open, d.at('o', 1))
	t.Put(market.High, d.at('h', 1))
	t.Put(market.Low, d.at('l', 1))
	t.Put(market.Volume, d.at('v', 1))
	t.Put(market.VWAP, d.at('p', 1))
	n, ok := d.at('t', 1).Int64()
	if !ok || n > scan.MaxCount {
		d.Fail('t', scan.Wrong)
	}
	t.Put(market.TradeCount, market.Int(n))
}

// at returns a number, not negative, of a field that is a list.
func (d *v1) at(slot byte, place int) (n market.Decimal) {
	v := d.Value(slot)
	if v.Kind != scan.Array || v == read {
		d.Fail(slot, scan.Wrong)
		return n
	}
	c := d.Cursor.Into(v)
	good := false
	c.Array()
	for i := 0; c.More(); i++ {
		if v := c.Value(); i == place {
			n, good = c.Decimal(v)
		}
	}
	if !good || n.Neg() {
		d.Fail(slot, scan.Wrong)
		return market.Decimal{}
	}
	return n
}

// seconds returns a time in µs.
func (d *v1) seconds(slot byte) int64 {
	t, ok := seconds(&d.Cursor, d.Value(slot))
	if !ok {
		d.Fail(slot, scan.Wrong)
	}
	return t
}

// seconds returns a time in µs of a text such as 1618678133.365913: 10 digits, and up to 6 decimals.
func seconds(c *scan.Cursor, v scan.Value) (int64, bool) {
	n, ok := c.Decimal(v)
	t, fits := n.Scaled(6)
	return t, ok && fits && v.Kind == scan.String && n.Scale() <= 6 && t >= 1e15 && t < 1e16
}
