package tick

import (
	"tapedeck/feed/scan"
	"tapedeck/market"
)

// kinds are the kinds of event, and what decodes each.
var kinds = map[string]func(*decoder, *market.Batch, *market.Symbol){
	"trade":  (*decoder).trade,
	"quote":  (*decoder).quote,
	"book":   (*decoder).book,
	"ticker": (*decoder).ticker,
	"candle": (*decoder).candle,
	"status": (*decoder).status,
}

var sides = map[string]market.Side{"buy": market.Buy, "sell": market.Sell, "unknown": market.SideUnknown}

func (d *decoder) trade(b *market.Batch, sym *market.Symbol) {
	t := b.Trade(sym, d.time())
	t.Price, t.Qty = d.Price(px), d.Price(qty)
	if d.Has(side) {
		var ok bool
		if t.Side, ok = sides[string(d.Word(side))]; !ok {
			d.Fail(side, scan.Wrong)
		}
	}
	if d.Has(id) {
		var ok bool
		if t.ID, ok = market.MakeID(d.Word(id)); !ok {
			d.Fail(id, scan.Wrong)
		}
	}
}

func (d *decoder) quote(b *market.Batch, sym *market.Symbol) {
	q := b.Quote(sym, d.time())
	q.BidPrice, q.BidQty = d.order(bid, bidQty)
	q.AskPrice, q.AskQty = d.order(ask, askQty)
}

// order is one side of a quote: a price and a quantity, or nothing.
func (d *decoder) order(price, size byte) (p, q market.Decimal) {
	if d.Empty(price) && d.Empty(size) {
		return p, q
	}
	return d.Price(price), d.Price(size)
}

// chain is the rule of books that carry seq: a message says which one it follows.
var chain = market.Chain{
	Name:    "tick",
	Old:     func(b *market.Book, snap int64) bool { return b.Last <= snap },
	Starts:  func(b *market.Book, snap int64) bool { return b.Prev <= snap && snap < b.Last },
	Follows: func(b *market.Book, prev int64) bool { return b.Prev == prev },
}

func (d *decoder) book(b *market.Batch, sym *market.Symbol) {
	k := b.Book(sym, d.time())
	k.Snapshot = d.Has(snapshot) && d.Flag(snapshot)
	if d.Has(seq) {
		k.Chain, k.Last = &chain, d.ID(seq)
		k.Prev = k.Last - 1
	}
	if d.Has(prev) && !k.Snapshot {
		if k.Prev = d.ID(prev); k.Prev >= k.Last { // also where there is no seq
			d.Fail(prev, scan.Wrong)
		}
	}
	if k.Chain != nil && k.Last == 0 {
		d.Fail(seq, scan.Wrong)
	}
	k.Bids, k.Asks = d.levels(k, bids), d.levels(k, asks)
}

// levels gives a side's levels to the event, and takes the memory that its own had. A change may leave
// a side out.
func (d *decoder) levels(k *market.Book, slot byte) []market.Level {
	mine, theirs := &d.Bids, k.Bids[:0]
	if slot == asks {
		mine, theirs = &d.Asks, k.Asks[:0]
	}
	if !k.Snapshot && !d.Has(slot) {
		return theirs
	}
	if d.Value(slot).Kind != scan.Array || d.Sick {
		d.Refuse(errLevels)
		return theirs
	}
	got := *mine
	*mine = theirs
	return got
}

func (d *decoder) ticker(b *market.Batch, sym *market.Symbol) {
	t := b.Ticker(sym, d.time())
	for f := range market.Field(market.NumFields) {
		slot := ticker + byte(f)
		switch {
		case !d.Has(slot):
		case d.Empty(slot):
			t.Put(f, market.Decimal{}) // gone
		case f == market.TradeCount || f == market.FundingTime:
			t.Put(f, market.Int(d.Count(slot)))
		case f == market.Funding:
			t.Put(f, d.Number(slot))
		default:
			t.Put(f, d.Size(slot))
		}
	}
	if t.Present == 0 {
		d.Refuse(errTicker)
	}
}

// widths of candles, in µs.
var widths = map[string]int64{
	"1s": 1e6, "1m": 60e6, "3m": 180e6, "5m": 300e6, "15m": 900e6, "30m": 1800e6,
	"1h": 3600e6, "2h": 7200e6, "4h": 14400e6, "6h": 21600e6, "8h": 28800e6, "12h": 43200e6, "1d": 86400e6,
}

func (d *decoder) candle(b *market.Batch, sym *market.Symbol) {
	k := b.Candle(sym, d.time())
	k.Width = widths["1m"]
	if d.Has(width) {
		k.Width = widths[string(d.Word(width))]
	}
	k.Start = d.Count(start)
	if k.Width == 0 {
		d.Fail(width, scan.Wrong)
	} else if k.Start%k.Width != 0 {
		d.Fail(start, scan.Wrong)
	}
	k.Open, k.High, k.Low, k.Close = d.Price(open), d.Price(high), d.Price(low), d.Price(closing)
	if k.High.Cmp(k.Open) < 0 || k.High.Cmp(k.Close) < 0 || k.High.Cmp(k.Low) < 0 {
		d.Fail(high, scan.Wrong)
	}
	if k.Low.Cmp(k.Open) > 0 || k.Low.Cmp(k.Close) > 0 {
		d.Fail(low, scan.Wrong)
	}
	k.Volume, k.Trades, k.Final = d.Size(volume), d.Count(count), d.Flag(final)
	if slot := ticker + byte(market.QuoteVolume); !d.Empty(slot) {
		k.QuoteVolume = d.Size(slot)
	}
}

var states = map[string]market.RoomState{"live": market.Live, "halted": market.Halted}

func (d *decoder) status(b *market.Batch, sym *market.Symbol) {
	st := b.Status(sym, d.time())
	var ok bool
	if st.State, ok = states[string(d.Word(state))]; !ok {
		d.Fail(state, scan.Wrong)
	}
}

// time is the venue's, where the event has one.
func (d *decoder) time() int64 {
	if d.Empty(ts) {
		return 0
	}
	t := d.Count(ts)
	if t == 0 {
		d.Fail(ts, scan.Wrong)
	}
	return t
}
