package server

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/venue"
	"tapedeck/market"
)

// venueTrades are trades as venues write them, by format: NATIVE is the instrument.
var venueTrades = map[string][]string{
	"binance":        {`{"e":"trade","E":1700000000125,"s":"NATIVE","t":1,"p":"37000.01","q":"0.0015","T":1700000000123,"m":true,"M":true}`},
	"binance-usdm":   {`{"e":"trade","E":1700000000125,"T":1700000000123,"s":"NATIVE","t":1,"p":"37000.10","q":"0.015","X":"MARKET","m":true}`},
	"binance-coinm":  {`{"e":"trade","E":1700000000125,"T":1700000000123,"s":"NATIVE","t":1,"p":"37000.1","q":"15","X":"MARKET","m":true}`},
	"kraken":         {`{"channel":"trade","type":"update","data":[{"symbol":"NATIVE","side":"sell","price":37000.1,"qty":0.28,"ord_type":"market","trade_id":1,"timestamp":"2023-11-14T22:13:20.826417Z"}]}`},
	"kraken-v1":      {`[337,[["37000.10000","0.28245396","1700000000.826417","s","l",""]],"trade","NATIVE"]`},
	"kraken-futures": {`{"feed":"trade","product_id":"NATIVE","uid":"e2429e31-8b9d-4195-900e-fd0000000001","side":"buy","type":"fill","seq":5956,"time":1700000000946,"qty":320.0,"price":37000.5}`},
	"bitmex":         {`{"table":"trade","action":"insert","data":[{"timestamp":"2023-11-14T22:13:20.123Z","symbol":"NATIVE","side":"Sell","size":1500,"price":37380.5,"tickDirection":"MinusTick","trdMatchID":"00000000-006d-1000-0000-000000000001","trdType":"Regular"}]}`},
	"bitfinex":       {`{"event":"subscribed","channel":"trades","chanId":21,"symbol":"NATIVE"}`, `[21,"te",[401597395,1700000000123,0.0015,37000.5]]`},
	"kucoin":         {`{"type":"message","topic":"/market/match:NATIVE","subject":"trade.l3match","data":{"sequence":"1","type":"match","symbol":"NATIVE","side":"buy","price":"30.5","size":"1","tradeId":"1","takerOrderId":"a","makerOrderId":"b","time":"1700000000123000000"}}`},
	"deribit":        {`{"jsonrpc":"2.0","method":"subscription","params":{"channel":"trades.NATIVE.raw","data":[{"trade_seq":1,"trade_id":"1","timestamp":1700000000123,"tick_direction":3,"price":37000.5,"instrument_name":"NATIVE","direction":"sell","amount":120.0}]}}`},
	"okx":            {`{"arg":{"channel":"trades","instId":"NATIVE"},"data":[{"instId":"NATIVE","tradeId":"1","px":"37000.1","sz":"0.12","side":"buy","ts":"1700000000123"}]}`},
	"bybit-linear":   {`{"topic":"publicTrade.NATIVE","type":"snapshot","ts":1700000000101,"data":[{"T":1700000000099,"s":"NATIVE","S":"Sell","v":"0.001","p":"37000.10","i":"20f43950-d8dd-5b31-9112-a10000000001","BT":false}]}`},
	"bybit-inverse":  {`{"topic":"publicTrade.NATIVE","type":"snapshot","ts":1700000000101,"data":[{"T":1700000000099,"s":"NATIVE","S":"Sell","v":"1","p":"37000.10","i":"20f43950-d8dd-5b31-9112-a10000000001","BT":false}]}`},
	"bybit-option":   {`{"topic":"publicTrade.BTC","type":"snapshot","ts":1700000000101,"data":[{"p":"430","v":"0.02","i":"ff5ba5d0-1bc8-5e4f-8f33-a3ab1e5c1c4a","T":1700000000099,"BT":false,"S":"Buy","s":"NATIVE"}]}`},
	"hyperliquid":    {`{"channel":"trades","data":[{"coin":"NATIVE","side":"B","px":"37000.5","sz":"0.0021","time":1700000000123,"hash":"0xde","tid":1}]}`},
	"upbit":          {`{"type":"trade","code":"NATIVE","timestamp":1700000000123,"trade_date":"2023-11-14","trade_time":"22:13:20","trade_timestamp":1700000000120,"trade_price":0.05,"trade_volume":0.1,"ask_bid":"BID","prev_closing_price":0.05,"change":"RISE","change_price":0.001,"sequential_id":17000000001230001,"stream_type":"REALTIME"}`},
}

// instruments of venues: as they call them, and as they are called here.
var venueInstruments = []struct{ format, native, name, base, quote, kind string }{
	{"binance", "BTCUSDT", "BTC-USDT", "BTC", "USDT", "spot"},
	{"binance-usdm", "BTCUSDT", "BTC-USDT", "BTC", "USDT", "perpetual"},
	{"binance-usdm", "BTCUSDT_240927", "BTCUSDT_240927", "BTC", "USDT", "future"},
	{"binance-coinm", "BTCUSD_PERP", "BTCUSD_PERP", "BTC", "USD", "perpetual"},
	{"binance-coinm", "BTCUSD_240927", "BTCUSD_240927", "BTC", "USD", "future"},
	{"kraken-v1", "XBT/USD", "BTC-USD", "BTC", "USD", "spot"},
	{"kraken-v1", "XDG/USD", "DOGE-USD", "DOGE", "USD", "spot"},
	{"kraken-v1", "ETH/XBT", "ETH-BTC", "ETH", "BTC", "spot"},
	{"kraken", "BTC/USD", "BTC-USD", "BTC", "USD", "spot"},
	{"kraken-futures", "PI_XBTUSD", "PI_XBTUSD", "BTC", "USD", "perpetual"},
	{"kraken-futures", "PF_XBTUSD", "PF_XBTUSD", "BTC", "USD", "perpetual"},
	{"kraken-futures", "FI_XBTUSD_210924", "FI_XBTUSD_210924", "BTC", "USD", "future"},
	{"bitmex", "XBTUSD", "BTC-USD", "BTC", "USD", "perpetual"},
	{"bitmex", "XBTU21", "XBTU21", "BTC", "USD", "future"},
	{"bitfinex", "tBTCUST", "BTC-USDT", "BTC", "USDT", "spot"},
	{"bitfinex", "tBTCF0:USTF0", "tBTCF0:USTF0", "BTC", "USDT", "perpetual"},
	{"kucoin", "BCHSV-USDT", "BSV-USDT", "BSV", "USDT", "spot"},
	{"deribit", "BTC-PERPETUAL", "BTC-USD", "BTC", "USD", "perpetual"},
	{"deribit", "BTC_USDC-PERPETUAL", "BTC-USDC", "BTC", "USDC", "perpetual"},
	{"deribit", "BTC_USDC", "BTC_USDC", "BTC", "USDC", "spot"},
	{"deribit", "BTC-24SEP21", "BTC-24SEP21", "BTC", "USD", "future"},
	{"deribit", "BTC-24SEP21-34000-P", "BTC-24SEP21-34000-P", "BTC", "USD", "option"},
	{"okx", "BTC-USDT", "BTC-USDT", "BTC", "USDT", "spot"},
	{"okx", "BTC-USDT-SWAP", "BTC-USDT-SWAP", "BTC", "USDT", "perpetual"},
	{"okx", "BTC-USD-220527", "BTC-USD-220527", "BTC", "USD", "future"},
	{"okx", "BTC-USD-220527-42000-C", "BTC-USD-220527-42000-C", "BTC", "USD", "option"},
	{"bybit-linear", "BTCUSDT", "BTC-USDT", "BTC", "USDT", "perpetual"},
	{"bybit-linear", "BTCPERP", "BTC-USDC", "BTC", "USDC", "perpetual"},
	{"bybit-linear", "BTC-27JUN25", "BTC-27JUN25", "BTC", "USDC", "future"},
	{"bybit-inverse", "BTCUSD", "BTC-USD", "BTC", "USD", "perpetual"},
	{"bybit-inverse", "BTCUSDM25", "BTCUSDM25", "BTC", "USD", "future"},
	{"bybit-option", "BTC-29DEC23-40000-C", "BTC-29DEC23-40000-C", "BTC", "USD", "option"},
	{"hyperliquid", "kPEPE", "kPEPE-USD", "kPEPE", "USD", "perpetual"},
	{"hyperliquid", "KPEPE", "KPEPE-USD", "KPEPE", "USD", "perpetual"}, // no such coin yet: what differs in case is another
	{"upbit", "BTC-ETH", "ETH-BTC", "ETH", "BTC", "spot"},
	{"upbit", "KRW-BTC", "BTC-KRW", "BTC", "KRW", "spot"},
}

// venues is a source of venueInstruments' trades: a topic a format, read to its end.
type venues struct {
	feeds map[string]Feed
	read  chan struct{}
}

func newVenues(t *testing.T) *venues {
	v := &venues{feeds: map[string]Feed{}, read: make(chan struct{})}
	for name := range venueTrades {
		f, ok := venue.Lookup(name)
		if !ok {
			t.Fatalf("there is no format %s", name)
		}
		v.feeds[name] = Feed{Format: f, Options: feed.DefaultOptions()}
	}
	return v
}

func (v *venues) Run(ctx context.Context, sink feed.Sink) error {
	var parts []feed.Partition
	for name := range v.feeds {
		parts = append(parts, feed.Partition{Topic: name})
	}
	sink.Assign(parts)
	for _, p := range parts {
		log := sink.Open(p, feed.Start{Epoch: p.Topic})
		at := feed.Record{Time: 1_700_000_001_000_000}
		for _, i := range venueInstruments {
			if i.format != p.Topic {
				continue
			}
			for _, text := range venueTrades[p.Topic] {
				at.Value = []byte(strings.ReplaceAll(text, "NATIVE", i.native))
				log.Record(&at)
				at.Offset++
			}
		}
	}
	close(v.read)
	<-ctx.Done()
	return nil
}

// listedSymbol is an element of /v1/symbols.
type listedSymbol struct{ Venue, Symbol, Native, Base, Quote, Kind string }

func symbolsOf(t *testing.T, n *node, query url.Values) []listedSymbol {
	t.Helper()
	status, body, _ := get(t, n, "/v1/symbols?"+query.Encode())
	var answer struct{ Symbols []listedSymbol }
	if err := json.Unmarshal([]byte(body), &answer); err != nil || status != http.StatusOK || answer.Symbols == nil {
		t.Fatalf("%v: %d %s: %v", query, status, body, err)
	}
	return answer.Symbols
}

// An instrument is found by what its venue calls it, and by what it is called here; and a room by the one name that it has.
func TestSymbolsBothWays(t *testing.T) {
	v := newVenues(t)
	n := start(t, newTape(0).player(), func(c *Config) { c.Source, c.Feeds = v, v.feeds })
	<-v.read
	if all := symbolsOf(t, n, nil); len(all) != len(venueInstruments) {
		t.Errorf("there are %d symbols, want %d: %+v", len(all), len(venueInstruments), all)
	}
	for _, i := range venueInstruments {
		f, _ := venue.Lookup(i.format)
		want := listedSymbol{f.Venue, i.name, i.native, i.base, i.quote, i.kind}
		if got := symbolsOf(t, n, url.Values{"venue": {f.Venue}, "native": {i.native}}); len(got) != 1 || got[0] != want {
			t.Errorf("%s %s is %+v, want %+v", f.Venue, i.native, got, want)
		}
		back := symbolsOf(t, n, url.Values{"venue": {f.Venue}, "symbol": {i.name}})
		if both := f.Venue == "KRAKEN" && i.name == "BTC-USD"; both { // v1 and v2 call it by two names
			if len(back) != 2 || back[0].Native != "BTC/USD" || back[1].Native != "XBT/USD" {
				t.Errorf("%s %s is %+v", f.Venue, i.name, back)
			}
		} else if len(back) != 1 || back[0] != want {
			t.Errorf("%s %s is %+v, want %+v", f.Venue, i.name, back, want)
		}
		right := market.Room{Channel: market.Trades, Venue: f.Venue, Symbol: i.name}.String()
		room := market.Room{Channel: market.Trades, Venue: f.Venue, Symbol: i.native}.String()
		status, body, _ := get(t, n, "/v1/snapshot/"+strings.ReplaceAll(room, "%", "%25"))
		switch {
		case i.native == i.name && (status != http.StatusOK || !strings.Contains(body, `"seq":`) || strings.Contains(body, `"d":[]`)):
			t.Errorf("%s: %d %s", room, status, body)
		case i.native != i.name && (status != http.StatusNotFound || !strings.Contains(body, "unknown_room") || !strings.Contains(body, "here it is "+right+`"`)):
			t.Errorf("%s: %d %s, want %s", room, status, body, right)
		}
	}
}

// What is asked for without its venue is told of each that has it; what nobody has, of none. Case counts.
func TestSymbolsOfAName(t *testing.T) {
	v := newVenues(t)
	n := start(t, newTape(0).player(), func(c *Config) { c.Source, c.Feeds = v, v.feeds })
	<-v.read
	for query, want := range map[string]string{
		"native=BTCUSDT":                   "BINANCE BTC-USDT, BINANCE-USDM BTC-USDT, BYBIT-LINEAR BTC-USDT",
		"symbol=BTC-USDC":                  "BYBIT-LINEAR BTC-USDC, DERIBIT BTC-USDC",
		"venue=BITMEX":                     "BITMEX BTC-USD, BITMEX XBTU21",
		"venue=KRAKEN&native=XDG/USD":      "KRAKEN DOGE-USD",
		"venue=KRAKEN&native=XDG%2FUSD":    "KRAKEN DOGE-USD",
		"venue=HYPERLIQUID&native=kPEPE":   "HYPERLIQUID kPEPE-USD",
		"venue=HYPERLIQUID&native=kpepe":   "",
		"venue=KRAKEN&symbol=XBT-USD":      "",
		"venue=MARS":                       "",
		"native=":                          "",
		"native=XBTUSD&symbol=BTC-USD":     "BITMEX BTC-USD",
		"native=XBTUSD&symbol=ETH-USD":     "",
		"venue=DERIBIT&native=BTC_USDC":    "DERIBIT BTC_USDC",
		"venue=UPBIT&symbol=BTC-ETH":       "",
		"venue=KUCOIN&native=BSV-USDT":     "",
		"venue=KUCOIN&symbol=BSV-USDT":     "KUCOIN BSV-USDT",
		"venue=BITFINEX&native=tBTCUST":    "BITFINEX BTC-USDT",
		"venue=BYBIT-INVERSE&kind=ignored": "BYBIT-INVERSE BTC-USD, BYBIT-INVERSE BTCUSDM25",
	} {
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range symbolsOf(t, n, q) {
			got = append(got, s.Venue+" "+s.Symbol)
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
}

// A room that is asked for by the venue's name is refused, and the answer has its name.
func TestJoinByNativeName(t *testing.T) {
	v := newVenues(t)
	n := start(t, newTape(0).player(), func(c *Config) { c.Source, c.Feeds = v, v.feeds })
	<-v.read
	_, body, _ := get(t, n, "/v1/history?rooms=trades:BITMEX:XBTUSD&from=1")
	if !strings.Contains(body, "range_unavailable") { // no archive here: the live timeline alone is asked
		t.Errorf("history: %s", body)
	}
	p := dial(t, n, 0)
	p.upgrade("", upgradeHeaders, "")
	_, _, _ = p.next()
	p.write(frame(0x81, fmt.Appendf(nil, `{"op":"subscribe","id":1,"rooms":["book:BITMEX:XBTUSD@20","trades:BITMEX:XBTU21"]}`)))
	var said strings.Builder
	for !strings.Contains(said.String(), `"unknown_room"`) {
		_, payload, err := p.next()
		if err != nil {
			t.Fatalf("%v after %s", err, &said)
		}
		said.Write(payload)
	}
	for _, want := range []string{
		`{"t":"error","id":1,"code":"unknown_room","message":"XBTUSD is BITMEX's own name: here it is book:BITMEX:BTC-USD@20","room":"book:BITMEX:XBTUSD@20","retry":false}`,
		`{"t":"ok","id":1,"op":"subscribe","rooms":[{"room":"trades:BITMEX:XBTU21",`,
	} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("it says %s, want %s", &said, want)
		}
	}
}
