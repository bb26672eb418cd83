package binance_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/feedtest"
	"tapedeck/feed/venue/binance"
	"tapedeck/market"
)

// object is a message as encoding/json reads it.
type object map[string]any

func readObject(t *testing.T, raw []byte) object {
	t.Helper()
	var m object
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&m); err != nil {
		t.Fatal(err)
	}
	if data, ok := m["data"].(map[string]any); ok {
		return data
	}
	return m
}

func (m object) number(key string) market.Decimal {
	switch v := m[key].(type) {
	case string:
		return market.MustDecimal(v)
	case json.Number:
		return market.MustDecimal(v.String())
	}
	panic("no number in " + key)
}

func (m object) int(key string) int64 {
	n, ok := m.number(key).Int64()
	if !ok {
		panic("no integer in " + key)
	}
	return n
}

func (m object) time(key string) int64 { return m.int(key) * 1000 }

func (m object) levels(key string) (levels []market.Level) {
	for _, l := range m[key].([]any) {
		pair := object{"price": l.([]any)[0], "qty": l.([]any)[1]}
		levels = append(levels, market.Level{Price: pair.number("price"), Qty: pair.number("qty")})
	}
	return levels
}

// expected makes the event of a message once more, by other means than the decoder's.
func expected(m object, f *feed.Format, stream string) (time int64, p market.Payload) {
	chained := &market.Chain{Name: map[*feed.Format]string{binance.Spot: "binance-spot", binance.USDM: "binance-futures", binance.COINM: "binance-futures"}[f]}
	inverse := f == binance.COINM
	switch m["e"] {
	case "trade", "aggTrade":
		id := m["t"]
		if id == nil {
			id = m["a"]
		}
		t := &market.Trade{Price: m.number("p"), Qty: m.number("q"), Time: m.time("T"), Side: market.Buy}
		t.ID, _ = market.MakeID(id.(json.Number).String())
		if m["m"].(bool) {
			t.Side = market.Sell
		}
		return t.Time, t
	case "depthUpdate":
		b := &market.Book{Chain: chained, First: m.int("U"), Last: m.int("u"), Bids: m.levels("b"), Asks: m.levels("a")}
		if f != binance.Spot {
			b.Prev = m.int("pu")
		}
		if strings.Contains(stream, "@depth5") {
			b = &market.Book{Chain: &market.Chain{Name: "binance-cut"}, Snapshot: true, Last: m.int("u") + math.MinInt64, Bids: b.Bids, Asks: b.Asks}
		}
		return m.time("E"), b
	case "kline":
		k := object(m["k"].(map[string]any))
		c := &market.Candle{
			Start: k.time("t"), Width: map[string]int64{"1m": 60e6}[k["i"].(string)],
			Open: k.number("o"), High: k.number("h"), Low: k.number("l"), Close: k.number("c"), Volume: k.number("v"),
			Trades: k.int("n"), Final: k["x"].(bool),
		}
		if !inverse {
			c.QuoteVolume = k.number("q")
		}
		return m.time("E"), c
	case "compositeIndex":
		index := new(market.Ticker)
		index.Put(market.Index, m.number("p"))
		return m.time("E"), index
	case "contractInfo":
		s := &market.Status{State: market.Halted}
		if m["cs"] == "TRADING" {
			s.State = market.Live
		}
		return m.time("E"), s
	case "24hrTicker", "24hrMiniTicker", "markPriceUpdate":
		return m.time("E"), expectedTicker(m)
	}
	if m["lastUpdateId"] != nil {
		b := &market.Book{Chain: chained, Snapshot: true, Last: m.int("lastUpdateId"), Bids: m.levels("bids"), Asks: m.levels("asks")}
		if strings.Contains(stream, "@depth5") {
			b.Chain, b.Last = &market.Chain{Name: "binance-cut"}, b.Last+math.MinInt64
		}
		return m.timeIfAny(), b
	}
	return m.timeIfAny(), &market.Quote{BidPrice: m.number("b"), BidQty: m.number("B"), AskPrice: m.number("a"), AskQty: m.number("A")}
}

func (m object) timeIfAny() int64 {
	if m["E"] == nil {
		return 0
	}
	return m.time("E")
}

func expectedTicker(m object) *market.Ticker {
	keys := map[market.Field]string{market.Last: "c", market.Open: "o", market.High: "h", market.Low: "l", market.Volume: "v", market.QuoteVolume: "q"}
	switch m["e"] {
	case "24hrTicker":
		keys[market.VWAP], keys[market.TradeCount] = "w", "n"
	case "markPriceUpdate":
		keys = map[market.Field]string{market.Mark: "p", market.Index: "i", market.Funding: "r"}
	}
	t := &market.Ticker{}
	for field, key := range keys {
		t.Put(field, m.number(key))
	}
	if m["e"] == "markPriceUpdate" {
		t.Put(market.FundingTime, market.Int(m.time("T")))
	}
	return t
}

// agrees compares one record's only event with what encoding/json makes of it.
func agrees(t *testing.T, name string, f *feed.Format, events []market.Event, raw []byte, native string) {
	t.Helper()
	m := readObject(t, raw)
	var envelope struct{ Stream string }
	if err := json.Unmarshal(raw, &envelope); err != nil {
		t.Fatal(err)
	}
	if s, ok := m["s"].(string); ok {
		native = s
	} else if s, ok := m["symbol"].(string); ok {
		native = s
	}
	time, payload := expected(m, f, envelope.Stream)
	if len(events) != 1 || events[0].Symbol.Native != native {
		t.Fatalf("%s: it is one event of %s, found %s", name, native, feedtest.Text(events))
	}
	want := feedtest.Text([]market.Event{{Symbol: events[0].Symbol, Time: time, Payload: payload}})
	if got := feedtest.Text(events); got != want {
		t.Fatalf("%s: it becomes\n%swant\n%s", name, got, want)
	}
}

// Of the samples these are of kinds that are not told.
var untold = map[string]bool{
	"Spot_ExchangeData_RollingWindowTicker": true, "UsdFutures_AssetIndex": true,
	"UsdFutures_ContKlines": true, "UsdFutures_Liquidations": true, "UsdFutures_TradeUpdate": true,
}

func formatOf(path string) *feed.Format {
	switch {
	case strings.Contains(path, "coinm"):
		return binance.COINM
	case strings.Contains(path, "usdm"), strings.Contains(path, "UsdFutures"):
		return binance.USDM
	}
	return binance.Spot
}

// Each sample becomes what encoding/json finds in it.
func TestSamples(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(feedtest.Data(t, "samples"), "binance-*", "*.json"))
	if err != nil || len(paths) < 50 {
		t.Fatalf("%d samples, %v", len(paths), err)
	}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		f, o, name := formatOf(path), feed.DefaultOptions(), strings.TrimSuffix(filepath.Base(path), ".json")
		if bytes.Contains(raw, []byte("@aggTrade")) {
			o.Trades = "aggTrade"
		}
		var b market.Batch
		err = f.New(o).Decode(&b, &feed.Record{Value: raw, Key: []byte("BTCUSDT")})
		if untold[name] {
			if !errors.Is(err, feed.UnknownKind) {
				t.Errorf("%s: %v, want %v", path, err, feed.UnknownKind)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		agrees(t, path, f, b.Events, raw, "BTCUSDT")
	}
}
