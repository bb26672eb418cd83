// Package json compares the reading of JSON by our decoder of Binance's messages with what else there is. It is a module of
// its own, so that nobody who builds Tapedeck needs the others. docs/decoding.md has the result.
package json

import (
	stdjson "encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/buger/jsonparser"
	"github.com/bytedance/sonic"
	"github.com/goccy/go-json"
	"github.com/tidwall/gjson"
	"github.com/valyala/fastjson"

	"tapedeck/feed"
	"tapedeck/feed/venue/binance"
	"tapedeck/market"
)

const tradeText = `{"stream":"btcusdt@trade","data":{"e":"trade","E":1700000000125,"s":"BTCUSDT","t":3000000001,"p":"37000.01000000","q":"0.00150000","T":1700000000123,"m":true,"M":true}}`

// depthText is a change of 20 levels a side.
func depthText() string {
	var bids, asks []string
	for i := range 20 {
		bids = append(bids, fmt.Sprintf(`["36%03d.50000000","%d.32329000"]`, 999-i, i%7))
		asks = append(asks, fmt.Sprintf(`["37%03d.00000000","0.%08d"]`, i, i*7919))
	}
	return `{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1700000000200,"s":"BTCUSDT","U":50093239189,"u":50093239202,"b":[` +
		strings.Join(bids, ",") + `],"a":[` + strings.Join(asks, ",") + `]}}`
}

// trade and depth are the events that every reader makes of the messages: exact decimals, and the symbol interned.
type (
	trade struct {
		symbol *market.Symbol
		market.Trade
	}
	depth struct {
		symbol      *market.Symbol
		time        int64 // µs
		first, last int64
		bids, asks  []market.Level
	}
)

// reader is one way to read. Memory is reused where it can be.
type reader struct {
	name  string
	trade func(doc []byte, t *trade) error
	depth func(doc []byte, d *depth) error
}

var readers = append([]reader{
	ours(),
	unmarshaler("encoding/json", stdjson.Unmarshal),
	unmarshaler("goccy/go-json", json.Unmarshal),
	unmarshaler("sonic, ConfigStd", sonic.ConfigStd.Unmarshal),
	unmarshaler("sonic, ConfigFastest", sonic.ConfigFastest.Unmarshal),
	byJSONParser(),
	byFastJSON(),
	byGJSON(),
}, second...)

var symbols = map[string]*market.Symbol{"BTCUSDT": {Venue: "BINANCE", Name: "BTC-USDT", Native: "BTCUSDT", Base: "BTC", Quote: "USDT"}}

// make fills a trade from what a reader has found; the time is in ms.
func (t *trade) make(symbol []byte, time, id int64, price, qty []byte, sold bool) error {
	var buf [20]byte
	var ok [3]bool
	*t = trade{symbol: symbols[string(symbol)]}
	t.Time = time * 1000
	t.Price, ok[0] = market.ParseDecimal(price)
	t.Qty, ok[1] = market.ParseDecimal(qty)
	t.ID, ok[2] = market.MakeID(strconv.AppendInt(buf[:0], id, 10))
	if t.Side = market.Buy; sold {
		t.Side = market.Sell
	}
	if t.symbol == nil || ok != [3]bool{true, true, true} {
		return errValue
	}
	return nil
}

// begin fills a depth but for its levels.
func (d *depth) begin(symbol []byte, time, first, last int64) {
	*d = depth{symbols[string(symbol)], time * 1000, first, last, d.bids[:0], d.asks[:0]}
}

func level[T []byte | string](price, qty T) (l market.Level, err error) {
	var ok [2]bool
	l.Price, ok[0] = market.ParseDecimal(price)
	l.Qty, ok[1] = market.ParseDecimal(qty)
	if ok != [2]bool{true, true} {
		err = errValue
	}
	return l, err
}

var errValue = errors.New("a value is none")

// ours is the whole decoder: it also takes fields in any order and as they may be escaped, refuses what is there twice or
// cannot be, and makes the event.
func ours() reader {
	d := binance.Spot.New(feed.DefaultOptions())
	var batch market.Batch
	var r feed.Record
	decode := func(doc []byte) (*market.Event, error) {
		batch.Reset()
		r.Value = doc
		if err := d.Decode(&batch, &r); err != nil {
			return nil, err
		}
		return &batch.Events[0], nil
	}
	return reader{
		name: "tapedeck",
		trade: func(doc []byte, t *trade) error {
			ev, err := decode(doc)
			if err != nil {
				return err
			}
			*t = trade{ev.Symbol, *ev.Payload.(*market.Trade)}
			return nil
		},
		depth: func(doc []byte, k *depth) error {
			ev, err := decode(doc)
			if err != nil {
				return err
			}
			p := ev.Payload.(*market.Book)
			*k = depth{ev.Symbol, ev.Time, p.First, p.Last, p.Bids, p.Asks}
			return nil
		},
	}
}

// These are what a decoder by reflection needs: every key is declared, since encoding/json matches them without regard to case.
type (
	tradeMessage struct {
		Stream string `json:"stream"`
		Data   struct {
			Kind   string `json:"e"`
			Event  int64  `json:"E"`
			Symbol string `json:"s"`
			ID     int64  `json:"t"`
			Time   int64  `json:"T"`
			Price  string `json:"p"`
			Qty    string `json:"q"`
			Maker  bool   `json:"m"`
			Old    bool   `json:"M"`
		} `json:"data"`
	}
	depthMessage struct {
		Stream string `json:"stream"`
		Data   struct {
			Kind   string      `json:"e"`
			Event  int64       `json:"E"`
			Symbol string      `json:"s"`
			First  int64       `json:"U"`
			Last   int64       `json:"u"`
			Bids   [][2]string `json:"b"`
			Asks   [][2]string `json:"a"`
		} `json:"data"`
	}
)

func unmarshaler(name string, unmarshal func([]byte, any) error) reader {
	var t tradeMessage
	var d depthMessage
	return reader{
		name: name,
		trade: func(doc []byte, to *trade) error {
			if err := unmarshal(doc, &t); err != nil {
				return err
			}
			m := &t.Data
			return to.make([]byte(m.Symbol), m.Time, m.ID, []byte(m.Price), []byte(m.Qty), m.Maker)
		},
		depth: func(doc []byte, to *depth) error {
			d.Data.Bids, d.Data.Asks = d.Data.Bids[:0], d.Data.Asks[:0]
			if err := unmarshal(doc, &d); err != nil {
				return err
			}
			m := &d.Data
			to.begin([]byte(m.Symbol), m.Event, m.First, m.Last)
			for _, side := range []struct {
				from [][2]string
				to   *[]market.Level
			}{{m.Bids, &to.bids}, {m.Asks, &to.asks}} {
				for _, pair := range side.from {
					l, err := level(pair[0], pair[1])
					if err != nil {
						return err
					}
					*side.to = append(*side.to, l)
				}
			}
			return nil
		},
	}
}

func byJSONParser() reader {
	int64At := func(doc []byte, key string, err *error) int64 {
		n, e := jsonparser.GetInt(doc, key)
		*err = errors.Join(*err, e)
		return n
	}
	textAt := func(doc []byte, key string, err *error) []byte {
		text, _, _, e := jsonparser.Get(doc, key)
		*err = errors.Join(*err, e)
		return text
	}
	return reader{
		name: "buger/jsonparser",
		trade: func(doc []byte, t *trade) error {
			data, _, _, err := jsonparser.Get(doc, "data")
			if err != nil {
				return err
			}
			sold, err := jsonparser.GetBoolean(data, "m")
			return errors.Join(t.make(textAt(data, "s", &err), int64At(data, "T", &err), int64At(data, "t", &err), textAt(data, "p", &err), textAt(data, "q", &err), sold), err)
		},
		depth: func(doc []byte, d *depth) error {
			data, _, _, err := jsonparser.Get(doc, "data")
			if err != nil {
				return err
			}
			d.begin(textAt(data, "s", &err), int64At(data, "E", &err), int64At(data, "U", &err), int64At(data, "u", &err))
			for key, to := range map[string]*[]market.Level{"b": &d.bids, "a": &d.asks} {
				_, e := jsonparser.ArrayEach(data, func(pair []byte, _ jsonparser.ValueType, _ int, _ error) {
					n, both := 0, [2][]byte{}
					jsonparser.ArrayEach(pair, func(text []byte, _ jsonparser.ValueType, _ int, _ error) {
						if n < 2 {
							both[n] = text
						}
						n++
					})
					l, e := level(both[0], both[1])
					err = errors.Join(err, e)
					*to = append(*to, l)
				}, key)
				err = errors.Join(err, e)
			}
			return err
		},
	}
}

func byFastJSON() reader {
	var p fastjson.Parser
	return reader{
		name: "valyala/fastjson",
		trade: func(doc []byte, t *trade) error {
			v, err := p.ParseBytes(doc)
			if err != nil {
				return err
			}
			v = v.Get("data")
			return t.make(v.GetStringBytes("s"), v.GetInt64("T"), v.GetInt64("t"), v.GetStringBytes("p"), v.GetStringBytes("q"), v.GetBool("m"))
		},
		depth: func(doc []byte, d *depth) error {
			v, err := p.ParseBytes(doc)
			if err != nil {
				return err
			}
			v = v.Get("data")
			d.begin(v.GetStringBytes("s"), v.GetInt64("E"), v.GetInt64("U"), v.GetInt64("u"))
			for key, to := range map[string]*[]market.Level{"b": &d.bids, "a": &d.asks} {
				for _, pair := range v.GetArray(key) {
					l, err := level(pair.GetStringBytes("0"), pair.GetStringBytes("1"))
					if err != nil {
						return err
					}
					*to = append(*to, l)
				}
			}
			return nil
		},
	}
}

func byGJSON() reader {
	return reader{
		name: "tidwall/gjson",
		trade: func(doc []byte, t *trade) error {
			if !gjson.ValidBytes(doc) {
				return errValue
			}
			v := gjson.GetManyBytes(doc, "data.s", "data.T", "data.t", "data.p", "data.q", "data.m")
			return t.make([]byte(v[0].Str), v[1].Int(), v[2].Int(), []byte(v[3].Str), []byte(v[4].Str), v[5].Bool())
		},
		depth: func(doc []byte, d *depth) (err error) {
			if !gjson.ValidBytes(doc) {
				return errValue
			}
			v := gjson.GetManyBytes(doc, "data.s", "data.E", "data.U", "data.u", "data.b", "data.a")
			d.begin([]byte(v[0].Str), v[1].Int(), v[2].Int(), v[3].Int())
			for i, to := range []*[]market.Level{&d.bids, &d.asks} {
				v[4+i].ForEach(func(_, pair gjson.Result) bool {
					var both [2]string
					n := 0
					pair.ForEach(func(_, text gjson.Result) bool {
						if n < 2 {
							both[n] = text.Str
						}
						n++
						return true
					})
					l, e := level(both[0], both[1])
					err = errors.Join(err, e)
					*to = append(*to, l)
					return true
				})
			}
			return err
		},
	}
}

// TestSame shows that all of them make the same events, before any of them is timed.
func TestSame(t *testing.T) {
	var wantTrade trade
	var wantDepth depth
	for i, r := range readers {
		for range 2 { // also with memory that was used before
			var gotTrade trade
			var gotDepth depth
			if err := errors.Join(r.trade([]byte(tradeText), &gotTrade), r.depth([]byte(depthText()), &gotDepth)); err != nil {
				t.Fatalf("%s: %v", r.name, err)
			}
			if i == 0 {
				wantTrade, wantDepth = gotTrade, gotDepth
			}
			if !reflect.DeepEqual(gotTrade, wantTrade) || !reflect.DeepEqual(gotDepth, wantDepth) {
				t.Errorf("%s reads\n%+v\n%v\nwant\n%v\n%v", r.name, gotTrade, gotDepth, wantTrade, wantDepth)
			}
		}
	}
	if wantTrade.Price != market.MustDecimal("37000.01000000") || len(wantDepth.bids) != 20 || len(wantDepth.asks) != 20 {
		t.Errorf("the events are %v and %v", wantTrade, wantDepth)
	}
}

func BenchmarkTrade(b *testing.B) {
	for _, r := range readers {
		b.Run(r.name, func(b *testing.B) {
			doc := []byte(tradeText)
			var t trade
			b.ReportAllocs()
			for b.Loop() {
				if err := r.trade(doc, &t); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDepth(b *testing.B) {
	for _, r := range readers {
		b.Run(r.name, func(b *testing.B) {
			doc := []byte(depthText())
			var d depth
			b.ReportAllocs()
			for b.Loop() {
				if err := r.depth(doc, &d); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
