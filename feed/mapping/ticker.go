package mapping

import (
	"tapedeck/feed"
	"tapedeck/market"
)

// tickerKeys are the fields of a ticker as a mapping calls them, by market.Field.
var tickerKeys = [market.NumFields]string{
	"last", "open", "high", "low", "volume", "quote-volume", "vwap", "trades",
	"mark", "index", "funding", "funding-time", "open-interest",
}

// ticker is where its fields are.
type ticker struct {
	fields  [market.NumFields]*place
	funding *clock // of the next funding
}

func (c *compiler) ticker(e entry) event {
	s := c.section(e, "ticker", tickerKeys[:]...)
	t := &ticker{}
	for f, key := range tickerKeys {
		switch e := s.get(key); {
		case e.value == nil:
		case market.Field(f) == market.FundingTime:
			t.funding = c.clock(e)
			t.fields[f] = t.funding.place
		default:
			t.fields[f] = c.place(e)
		}
	}
	return t
}

func (t *ticker) emit(d *decoder, sym *market.Symbol, time int64) {
	out := d.batch.Ticker(sym, time)
	for i, p := range t.fields {
		f := market.Field(i)
		if _, ok := d.given(p); !ok {
			continue // it is not spoken of
		}
		switch f {
		case market.TradeCount:
			out.Put(f, market.Int(d.count(p)))
		case market.FundingTime:
			out.Put(f, market.Int(d.instant(t.funding)))
		case market.Funding:
			out.Put(f, d.number(p))
		default:
			out.Put(f, d.size(p))
		}
	}
	if out.Present == 0 {
		d.whole(feed.MissingField, "a ticker has none of its fields")
	}
}
