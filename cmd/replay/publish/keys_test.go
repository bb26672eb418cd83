package publish

import (
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/capture"
)

func TestKeys(t *testing.T) {
	connected := *toy
	connected.Scope = feed.ScopeConnection
	const depth = "https://host/depth?limit=1000&symbol=ETH"
	tests := []struct {
		name           string
		format         *feed.Format
		symbol         string // --symbol
		all            bool   // --all
		before         []string
		url, data      string
		key, header    string
		why            feed.Reason
		leftOut, fails bool
	}{
		{name: "a trade", data: `{"s":"BTC"}`, key: "BTC"},
		{name: "of the other stream of trades", data: `{"s":"BTC","agg":1}`, key: "BTC"},
		{name: "an acknowledgement", data: `{"ack":1}`, leftOut: true, why: feed.Ignored},
		{name: "an acknowledgement that is wanted", all: true, data: `{"ack":1}`, key: "a", why: feed.Ignored},
		{name: "an acknowledgement among one symbol", all: true, before: []string{`{"s":"BTC"}`}, data: `{"ack":1}`, key: "BTC", why: feed.Ignored},
		{name: "nonsense", data: `{{`, key: "a", why: feed.BadJSON},
		{name: "nonsense among one symbol", before: []string{`{"s":"BTC"}`}, data: `{{`, key: "BTC", why: feed.BadJSON},
		{name: "nonsense among several", before: []string{`{"s":"BTC"}`, `{"s":"ETH"}`}, data: `{{`, key: "a", why: feed.BadJSON},
		{name: "a REST body that names its symbol", url: depth, data: `{"s":"ETHUSD_PERP","rest":1}`, key: "ETHUSD_PERP"},
		{name: "one that does not", url: depth, data: `{"rest":1}`, key: "ETH", header: "ETH"},
		{name: "the address before all else", symbol: "XRP", before: []string{`{"s":"BTC"}`}, url: depth, data: `{"rest":1}`, key: "ETH", header: "ETH"},
		{name: "in-line, after one symbol", before: []string{`{"s":"BTC"}`}, data: `{"rest":1}`, key: "BTC", header: "BTC"},
		{name: "in-line, and told", symbol: "XRP", before: []string{`{"s":"BTC"}`}, data: `{"rest":1}`, key: "XRP", header: "XRP"},
		{name: "in-line, and nothing before", data: `{"rest":1}`, fails: true, why: feed.BadSymbol},
		{name: "in-line, after several", before: []string{`{"s":"BTC"}`, `{"s":"ETH"}`}, data: `{"rest":1}`, fails: true, why: feed.BadSymbol},
		{name: "of a connection", format: &connected, data: `{"s":"BTC"}`, key: "a"},
		{name: "of a connection, an acknowledgement", format: &connected, data: `{"ack":1}`, key: "a"},
		{name: "of a connection, a REST body", format: &connected, url: depth, data: `{"rest":1}`, key: "a", header: "ETH"},
	}
	for _, tt := range tests {
		if tt.format == nil {
			tt.format = toy
		}
		k := NewKeyer(tt.format, tt.symbol, tt.all)
		for _, data := range tt.before {
			if _, err := k.Key(&capture.Message{File: "dir/a.raw.gz", Data: []byte(data)}); err != nil {
				t.Fatal(err)
			}
		}
		r, err := k.Key(&capture.Message{File: "dir/a.rest.raw.gz", URL: tt.url, Data: []byte(tt.data)})
		if r.Key != tt.key || r.Symbol != tt.header || r.Why != tt.why || r.Unused != tt.leftOut || (err != nil) != tt.fails {
			t.Errorf("%s: %+v, %v", tt.name, r, err)
		}
	}
}

// What was seen in one capture says nothing of the next.
func TestKeysForgetTheLastCapture(t *testing.T) {
	k := NewKeyer(toy, "", false)
	if _, err := k.Key(&capture.Message{File: "a.raw", Data: []byte(`{"s":"BTC"}`)}); err != nil {
		t.Fatal(err)
	}
	if r, err := k.Key(&capture.Message{File: "b.raw", Line: 7, Data: []byte(`{"rest":1}`)}); err == nil {
		t.Errorf("a body of another capture got the key %q", r.Key)
	}
}

// Partitions are those of the Java client, by the hashes that its own tests expect.
func TestPartitionsAreJavas(t *testing.T) {
	p := &publisher{spread: 1000, homes: map[string]int{}}
	for key, hash := range map[string]int32{"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536, "a-little-bit-longer-string": -1486304829} {
		for range 2 { // also from memory
			if got, want := p.partition(key), int(hash&0x7fffffff)%1000; got != want {
				t.Errorf("%s is put into %d, want %d", key, got, want)
			}
		}
	}
}
