package kucoin

import (
	"fmt"

	"tapedeck/feed"
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// pushes are the messages of the unified API, by their T: what ends in a market's name is of that.
func pushes(market string) map[string]push {
	all := map[string]push{
		"trade" + market:  (*decoder).pushedTrade,
		"ticker" + market: (*decoder).pushedTicker,
		"kline" + market:  (*decoder).pushedCandle,
		"obu" + market:    (*decoder).pushedBook,
	}
	if market == ".FUTURES" {
		all["mark-price"] = (*decoder).pushedMark
		all["funding-fee"] = (*decoder).pushedFunding
		all["funding-fee-all-symbols"] = (*decoder).pushedFundings
	}
	return all
}

type push = func(*decoder, *market.Batch)

// push decodes a message of the unified API.
func (d *decoder) push(b *market.Batch) {
	name := d.Word('T')
	decode := d.product.pushes[string(name)]
	switch {
	case decode == nil:
		d.Refuse(fmt.Errorf("%w: T %.40q", feed.UnknownKind, name))
	case !d.Has('d'):
		d.Fail('d', scan.Missing)
	default:
		decode(d, b)
	}
}

// body reads what a message of the unified API is about: its fields, or a list that is left for later.
func (m *message) body() {
	c := &m.Cursor
	if !c.At('{') {
		m.Take('d')
		return
	}
	m.Note('d', scan.Value{Kind: scan.Object})
	m.short()
}

// short reads the next value, an object, whose keys are letters.
func (m *message) short() {
	c := &m.Cursor
	c.Object()
	for key, ok := c.Key(); ok; key, ok = c.Key() {
		switch at := shortSlot(key); {
		case at == 0:
			c.Value()
		case at == 'a' && c.At('['):
			m.Asks = m.levels(asks, m.Asks[:0])
		case at == 'b' && c.At('['):
			m.Bids = m.levels(bids, m.Bids[:0])
		default:
			m.Take(at)
		}
	}
}

// shortSlot returns the slot of a field; 0 if it is of no use.
func shortSlot(key []byte) byte {
	switch string(key) {
	case "a", "A", "b", "B", "c", "C", "h", "i", "l", "M", "O", "o", "p", "q", "s", "S", "v":
		return key[0]
	case "ti":
		return shortID
	case "ts":
		return ts
	case "mp":
		return shortMark
	case "ip":
		return shortIndex
	case "oi":
		return openInterest
	case "fr":
		return shortRate
	case "nt":
		return nextFunding
	}
	return 0
}

func (d *decoder) pushedTrade(b *market.Batch) {
	sym := d.named(d.Word('s'))
	if sym == nil {
		return
	}
	t := b.Trade(sym, d.time('M'))
	t.Price, t.Qty = d.Price('p'), d.Price('q')
	var ok bool
	if t.ID, ok = market.MakeID(d.Word(shortID)); !ok {
		d.Fail(shortID, scan.Wrong)
	}
	switch string(d.Word('S')) {
	case "buy", "BUY":
		t.Side = market.Buy
	case "sell", "SELL":
		t.Side = market.Sell
	default:
		d.Fail('S', scan.Wrong)
	}
}

// pushedTicker decodes the best bid and ask, and the price of the last trade.
func (d *decoder) pushedTicker(b *market.Batch) {
	sym := d.named(d.Word('s'))
	if sym == nil {
		return
	}
	at := d.time('M')
	q := b.Quote(sym, at)
	q.BidPrice, q.BidQty = d.Order('b', 'B')
	q.AskPrice, q.AskQty = d.Order('a', 'A')
	if !d.Empty('l') {
		b.Ticker(sym, at).Put(market.Last, d.Size('l'))
	}
}

// pushedCandle decodes a candle. Its S does not say that it is final: the venue's own example has one that is true before its end.
func (d *decoder) pushedCandle(b *market.Batch) {
	sym := d.named(d.Word('s'))
	if sym == nil {
		return
	}
	k := b.Candle(sym, d.time('P'))
	width, ok := widths[string(d.Word('i'))]
	if !ok {
		d.Fail('i', scan.Wrong)
	}
	d.span(k, width, 'O')
	k.Open, k.High, k.Low, k.Close = d.Price('o'), d.Price('h'), d.Price('l'), d.Price('c')
	if k.High.Cmp(k.Low) < 0 {
		d.Fail('h', scan.Wrong)
	}
	k.Volume = d.Size('v')
	if sym.Kind == market.Spot {
		k.QuoteVolume = d.Size('a')
	}
}

// pushedBook decodes a book, as its depth says: the best bid and ask, the best 5 or 50 levels, or a snapshot of the best 500 and
// changes of them. Of a level that leaves these it says that it is gone.
func (d *decoder) pushedBook(b *market.Batch) {
	sym := d.named(d.Word('s'))
	if sym == nil {
		return
	}
	at := d.time('M')
	whole := false
	switch string(d.Word('t')) {
	case "snapshot":
		whole = true
	case "delta":
	default:
		d.Fail('t', scan.Wrong)
	}
	switch string(d.Word(depth)) {
	case "1":
		d.Best(b.Quote(sym, at), bids, asks, errLevels)
		return
	case "5", "50":
		k := b.Book(sym, at)
		k.Snapshot, k.Chain, k.Last = true, &cutChain, cutID+at
		d.Sides(k, bids, asks, errLevels)
		return
	case "increment", "increment@10ms":
	default:
		d.Fail(depth, scan.Wrong)
	}
	k := b.Book(sym, at)
	k.Snapshot, k.Chain, k.Last = whole, &pushChain, d.id('C')
	if first := d.id('O'); first > k.Last {
		d.Fail('O', scan.Wrong)
	} else if !whole {
		k.First = first
	}
	d.Sides(k, bids, asks, errLevels)
}

func (d *decoder) pushedMark(b *market.Batch) {
	sym := d.named(d.Word('s'))
	if sym == nil {
		return
	}
	t := b.Ticker(sym, d.time(ts))
	t.Put(market.Mark, d.Size(shortMark))
	t.Put(market.Index, d.Size(shortIndex))
	d.Put(t, market.OpenInterest, openInterest)
}

func (d *decoder) pushedFunding(b *market.Batch) { d.funding(b, d.time('P')) }

// pushedFundings decodes the funding of all contracts, a list.
func (d *decoder) pushedFundings(b *market.Batch) {
	at := d.time('P')
	if d.Kind('d') != scan.Array {
		d.Fail('d', scan.Wrong)
		return
	}
	d.Within(d.Value('d'), func() {
		c := &d.Cursor
		c.Array()
		for c.More() {
			d.Clear()
			if !c.At('{') {
				c.Value()
				d.Fail('d', scan.Wrong)
				continue
			}
			if d.short(); d.Healthy() {
				d.funding(b, at)
			}
		}
	})
}

// funding decodes the rate that will be paid next, and when.
func (d *decoder) funding(b *market.Batch, at int64) {
	if sym := d.named(d.Word('s')); sym != nil {
		t := b.Ticker(sym, at)
		t.Put(market.Funding, d.Number(shortRate))
		t.Put(market.FundingTime, market.Int(d.time(nextFunding)))
	}
}
