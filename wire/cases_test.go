package wire

import "tapedeck/market"

// message is one message of any kind, by which tests write it in every encoding.
type message struct {
	name  string
	write func(e Encoding, dst []byte) []byte
}

func hello(m *Hello) message {
	return message{"hello", func(e Encoding, dst []byte) []byte { return e.AppendHello(dst, m) }}
}

func ok(name string, m *OK) message {
	return message{name, func(e Encoding, dst []byte) []byte { return e.AppendOK(dst, m) }}
}

func refusal(name string, m *Error) message {
	return message{name, func(e Encoding, dst []byte) []byte { return e.AppendError(dst, m) }}
}

func snapshot(name string, m *Snapshot) message {
	return message{name, func(e Encoding, dst []byte) []byte { return e.AppendSnapshot(dst, m) }}
}

func update(name string, m *Update) message {
	return message{name, func(e Encoding, dst []byte) []byte { return e.AppendUpdate(dst, m) }}
}

func gap(name string, m *Gap) message {
	return message{name, func(e Encoding, dst []byte) []byte { return e.AppendGap(dst, m) }}
}

func status(name string, m *Status) message {
	return message{name, func(e Encoding, dst []byte) []byte { return e.AppendStatus(dst, m) }}
}

func heartbeat(name string, m *Heartbeat) message {
	return message{name, func(e Encoding, dst []byte) []byte { return e.AppendHeartbeat(dst, m) }}
}

func bye(m *Bye) message {
	return message{"bye", func(e Encoding, dst []byte) []byte { return e.AppendBye(dst, m) }}
}

// frame writes messages as one frame.
func frame(e Encoding, dst []byte, messages ...message) []byte {
	begin := len(dst)
	dst = e.Begin(dst)
	for i, m := range messages {
		if i > 0 {
			dst = e.Next(dst)
		}
		dst = m.write(e, dst)
	}
	return e.End(dst, begin, len(messages))
}

const (
	now   = 1790001234567999 // log time of the examples, µs
	venue = 1790001234567890 // the venue's
	epoch = "q1w2e3r4t5y6"
)

func dec(s string) market.Decimal { return market.MustDecimal(s) }

func level(price, qty string) market.Level { return market.Level{Price: dec(price), Qty: dec(qty)} }

func trade(id, price, qty string, side market.Side, time int64) market.Trade {
	i, _ := market.MakeID(id)
	return market.Trade{ID: i, Price: dec(price), Qty: dec(qty), Side: side, Time: time}
}

func tickerOf(values map[market.Field]string) *market.Ticker {
	t := &market.Ticker{}
	for f, v := range values {
		var d market.Decimal
		if v != "" {
			d = dec(v)
		}
		t.Put(f, d)
	}
	return t
}

// messages has one message of every kind and form: the goldens are made of them, and the examples
// of docs/protocol.md. The largest of each has every field that it can have.
func messages() []message {
	return append(append(control(), snapshots()...), updates()...)
}

func control() []message {
	return []message{
		hello(&Hello{
			Node: "edge-1", Conn: "c7Qp", Time: now, Heartbeat: 15000, Rooms: 1000, Commands: 20, FrameBytes: 131072,
			Intervals: []string{"0", "50ms", "100ms", "250ms", "1s"}, Depths: []string{"5", "20", "100"}, Widths: []string{"1m", "5m", "1h"},
			SnapshotTrades: 100, SnapshotCandles: 500, Timeline: "live",
		}),
		ok("ok-subscribe", &OK{ID: ID("1"), Op: "subscribe", Rooms: []Granted{
			{Room: "trades:BINANCE:BTC-USDT", Interval: "0", Origin: "venue", Loss: "never", Epoch: epoch, HasRecovered: true, Recovered: true},
			{Room: "book:BINANCE:BTC-USDT@20", State: market.Stale, Interval: "100ms", LimitedBy: "token", Origin: "venue", Loss: "fold", Epoch: epoch},
		}}),
		ok("ok-wildcard", &OK{ID: ID(`"all"`), Op: "subscribe", Rooms: []Granted{}, HasLeft: true, Left: 12}),
		ok("ok-unsubscribe", &OK{ID: ID(`"a \"quoted\" id"`), Op: "unsubscribe", Rooms: []Granted{{Room: "trades:BINANCE:BTC-USDT"}}}),
		ok("ok-list", &OK{ID: ID("2"), Op: "list", Rooms: []Granted{{
			Room: "trades:BINANCE:BTC-USDT", Interval: "0", LimitedBy: "log", Origin: "venue", Loss: "never", Epoch: epoch, HasRecovered: true,
			Counters: &Counters{Updates: 918, Events: 1204, Folded: 286, Snapshots: 1, Gaps: 0},
		}}}),
		ok("ok-ping", &OK{ID: ID("3"), Op: "ping", Time: now}),
		refusal("error", &Error{ID: ID("4"), Code: UnknownRoom, Message: "there is no venue BINANC", Room: "trades:BINANC:BTC-USDT"}),
		refusal("error-after", &Error{Code: RateLimited, Message: "more than 20 commands a second", Retry: true, After: 500}),
		gap("gap", &Gap{Room: "trades:BINANCE:BTC-USDT", Epoch: epoch, From: 123456789, To: 123460000, N: 17, Records: 3211, Reason: GapRetention}),
		gap("gap-unknown", &Gap{Room: "book:BINANCE:BTC-USDT", Epoch: epoch, From: 123456789, To: 123456801, N: Unknown, Records: Unknown, Reason: GapSource}),
		status("status", &Status{Room: "book:BINANCE:BTC-USDT", State: "stale", Reason: "a delta does not follow", Time: now}),
		status("status-timeline", &Status{State: "paused"}),
		status("status-playing", &Status{State: "playing", Time: now, Behind: 86_400_000}),
		status("status-end", &Status{State: "end", Time: now, Entries: 4711, Hash: "wS1hm0uKrwZ5"}),
		heartbeat("heartbeat", &Heartbeat{Time: now, Lag: 12, Rooms: []RoomHealth{
			{Room: "trades:BINANCE:OLD-USDT", State: market.Quiet, Age: 4200000},
			{Room: "trades:BINANCE:NEW-USDT", State: market.Down, Age: Unknown},
		}}),
		heartbeat("heartbeat-all-live", &Heartbeat{Time: now, Lag: 12}),
		bye(&Bye{Reason: "draining", Reconnect: true, After: 1250}),
	}
}

func candles() *market.Candles {
	return &market.Candles{List: []market.Candle{
		{
			Start: 1790001180000000, Width: 60000000, Open: dec("61830.00"), High: dec("61840.10"), Low: dec("61829.99"), Close: dec("61837.63"),
			Volume: dec("12.34500"), Trades: 321, VWAP: dec("61835.123456"), Final: true, Rev: 1,
		},
		{
			Start: 1790001240000000, Width: 60000000, Open: dec("61837.63"), High: dec("61837.63"), Low: dec("61837.63"), Close: dec("61837.63"),
			Volume: dec("0.00"), Trades: 0,
		},
	}}
}

func snapshots() []message {
	whole := tickerOf(map[market.Field]string{
		market.Last: "61837.63", market.Open: "60100.00", market.High: "62000.00", market.Low: "59900.10", market.Volume: "18234.55100",
		market.QuoteVolume: "1118234567.1234500", market.VWAP: "61325.123456", market.TradeCount: "1834021", market.Mark: "61836.90",
		market.Index: "61838.12", market.Funding: "0.00010000", market.FundingTime: "1790006400000000", market.OpenInterest: "80123.456",
	})
	all := []message{
		snapshot("snapshot-trades", &Snapshot{
			Room: "trades:BINANCE:BTC-USDT", Epoch: epoch, Seq: 123456789, Time: now, VenueTime: venue, Partial: true,
			Body: &market.Tape{Trades: []market.Trade{
				trade("4123456788", "61837.62", "0.00500", market.Sell, venue-1500), trade("4123456789", "61837.63", "0.00123", market.Buy, venue),
			}},
		}),
		snapshot("snapshot-quotes", &Snapshot{Room: "quotes:BINANCE:BTC-USDT", Epoch: epoch, Seq: 123456789, Time: now, Body: &market.Quote{BidPrice: dec("61837.63"), BidQty: dec("1.20000")}}),
		snapshot("snapshot-book", &Snapshot{
			Room: "book:BINANCE:BTC-USDT@20", Epoch: epoch, Seq: 123456789, Time: now, VenueTime: venue,
			Body: &market.Book{
				Bids: []market.Level{level("61837.63", "1.20000"), level("61837.60", "0.50000")},
				Asks: []market.Level{level("61837.64", "0.00100"), level("61838.00", "2.00000")},
			},
		}),
		snapshot("snapshot-ticker", &Snapshot{Room: "ticker:BINANCE-USDM:BTC-USDT", Epoch: epoch, Seq: 123456789, Time: now, Body: whole}),
		snapshot("snapshot-candles", &Snapshot{Room: "candles:BINANCE:BTC-USDT@1m", Epoch: epoch, Seq: 123456789, Time: now, Body: candles()}),
	}
	for _, c := range []market.Channel{market.Trades, market.Quotes, market.BookChannel, market.TickerChannel, market.CandlesChannel} {
		all = append(all, snapshot("empty-"+c.String(), &Snapshot{Room: c.String() + ":BINANCE:NEW-USDT", Empty: c}))
	}
	return all
}

func updates() []message {
	return []message{
		update("update-trades", &Update{
			Room: "trades:BINANCE:BTC-USDT", Prev: 123456789, Seq: 123456801, N: 2, Time: now, VenueTime: venue,
			Body: &market.Tape{Trades: []market.Trade{
				trade("4123456790", "61837.63", "0.01000", market.Buy, venue), trade("4123456791", "61837.64", "0.00100", market.SideUnknown, 0),
			}},
		}),
		update("update-quotes", &Update{
			Room: "quotes:BINANCE:BTC-USDT", Prev: 123456789, Seq: 123456802, N: 1, Time: now,
			Body: &market.Quote{BidPrice: dec("61837.63"), BidQty: dec("1.20000")},
		}),
		update("update-book", &Update{
			Room: "book:BINANCE:BTC-USDT@20", Prev: 123456789, Seq: 123456803, N: 3, Time: now, VenueTime: venue,
			Body: &market.Book{Bids: []market.Level{level("61837.63", "0.70000")}, Asks: []market.Level{level("61837.64", "0.00000"), level("61838.10", "4.10000")}},
		}),
		update("update-ticker", &Update{
			Room: "ticker:BINANCE-USDM:BTC-USDT", Prev: 123456789, Seq: 123456804, N: 1, Time: now, VenueTime: venue,
			Body: tickerOf(map[market.Field]string{market.Last: "61837.64", market.TradeCount: "1834022", market.VWAP: "", market.FundingTime: ""}),
		}),
		update("update-candles", &Update{Room: "candles:BINANCE:BTC-USDT@1m", Prev: 123456789, Seq: 123456805, N: 2, Time: now, Body: candles()}),
	}
}
