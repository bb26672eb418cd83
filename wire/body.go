package wire

import "tapedeck/market"

// body writes what a snapshot or an update says. In a snapshot what is absent is left out; in an
// update it is null, so that a client may simply replace the fields that an update names.
func (e *encoding) body(dst []byte, b market.Body, update bool) []byte {
	switch b := b.(type) {
	case *market.Tape:
		return e.tape(dst, b)
	case *market.Quote:
		return e.quote(dst, b, update)
	case *market.Book:
		return e.book(dst, b)
	case *market.Ticker:
		return e.ticker(dst, b, update)
	case *market.Candles:
		return e.candles(dst, b)
	}
	return e.null(dst)
}

// emptyBody writes the body of a room that nothing has happened in.
func (e *encoding) emptyBody(dst []byte, c market.Channel) []byte {
	switch c {
	case market.Trades, market.CandlesChannel:
		return e.endArray(e.array(dst, 0))
	case market.BookChannel:
		return e.book(dst, &market.Book{})
	default:
		dst, _ = e.object(dst)
		return e.endObject(dst)
	}
}

func (e *encoding) tape(dst []byte, t *market.Tape) []byte {
	dst = e.array(dst, len(t.Trades))
	for i := range t.Trades {
		dst = e.trade(e.item(dst, i), &t.Trades[i])
	}
	return e.endArray(dst)
}

func (e *encoding) trade(dst []byte, t *market.Trade) []byte {
	dst, at := e.object(dst)
	dst = e.textBytes(e.key(dst, at, keyID), t.ID.Bytes())
	dst = e.decimal(e.key(dst, at, keyPrice), t.Price)
	dst = e.decimal(e.key(dst, at, keyQty), t.Qty)
	dst = e.textField(dst, at, keySide, t.Side.String())
	dst = e.timeIf(dst, at, keyTS, t.Time)
	return e.endObject(dst)
}

// field writes a number; where it is absent, null in an update and nothing in a snapshot.
func (e *encoding) field(dst []byte, at int, k key, d market.Decimal, update bool) []byte {
	if !d.Set() && !update {
		return dst
	}
	return e.decimal(e.key(dst, at, k), d)
}

func (e *encoding) quote(dst []byte, q *market.Quote, update bool) []byte {
	dst, at := e.object(dst)
	dst = e.field(dst, at, keyBid, q.BidPrice, update)
	dst = e.field(dst, at, keyBidQty, q.BidQty, update)
	dst = e.field(dst, at, keyAsk, q.AskPrice, update)
	dst = e.field(dst, at, keyAskQty, q.AskQty, update)
	return e.endObject(dst)
}

func (e *encoding) book(dst []byte, b *market.Book) []byte {
	dst, at := e.object(dst)
	dst = e.levels(e.key(dst, at, keyBids), b.Bids)
	dst = e.levels(e.key(dst, at, keyAsks), b.Asks)
	return e.endObject(dst)
}

func (e *encoding) ticker(dst []byte, t *market.Ticker, update bool) []byte {
	dst, at := e.object(dst)
	for f := range market.Field(market.NumFields) {
		if !t.Present.Has(f) {
			continue
		}
		k, v := keyTicker+key(f), t.Values[f]
		if f != market.TradeCount && f != market.FundingTime {
			dst = e.field(dst, at, k, v, update)
		} else if n, ok := v.Int64(); ok { // counts and times are integers for clients too
			dst = e.intField(dst, at, k, n)
		} else if update {
			dst = e.null(e.key(dst, at, k))
		}
	}
	return e.endObject(dst)
}

func (e *encoding) candles(dst []byte, c *market.Candles) []byte {
	dst = e.array(dst, len(c.List))
	for i := range c.List {
		dst = e.candle(e.item(dst, i), &c.List[i])
	}
	return e.endArray(dst)
}

func (e *encoding) candle(dst []byte, c *market.Candle) []byte {
	dst, at := e.object(dst)
	dst = e.intField(dst, at, keyStart, c.Start)
	dst = e.decimal(e.key(dst, at, keyOpen), c.Open)
	dst = e.decimal(e.key(dst, at, keyHigh), c.High)
	dst = e.decimal(e.key(dst, at, keyLow), c.Low)
	dst = e.decimal(e.key(dst, at, keyClose), c.Close)
	dst = e.decimal(e.key(dst, at, keyV), c.Volume)
	dst = e.intField(dst, at, keyN, c.Trades)
	dst = e.field(dst, at, keyVWAP, c.VWAP, false)
	dst = e.boolField(dst, at, keyFinal, c.Final)
	dst = e.intField(dst, at, keyRev, int64(c.Rev))
	return e.endObject(dst)
}
